package main

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// What charts measure, in SVG's units.
const (
	chartWidth  = 640
	chartHeight = 300
	leftMargin  = 130 // for names and numbers
	otherMargin = 30
	barHeight   = 18
)

// barChart has a bar for each store, with a line from its slowest round to its fastest.
type barChart struct {
	bars []bar
}

type bar struct {
	Name, Color, Text         string
	rate, slowest, fastest    float64
	Y, Middle                 int
	Width, WhiskerA, WhiskerB float64
}

func (c *barChart) add(name, color string, rate, slowest, fastest float64) {
	c.bars = append(c.bars, bar{Name: name, Color: color, Text: count(rate) + "/s", rate: rate, slowest: slowest, fastest: fastest})
}

func (c barChart) Width() int  { return chartWidth }
func (c barChart) Left() int   { return leftMargin }
func (c barChart) Height() int { return len(c.bars)*barHeight + 4 }

// Bars are drawn to a common scale, so that what is ten times as long is ten times as fast.
func (c barChart) Bars() []bar {
	const room = chartWidth - leftMargin - 2*otherMargin - 20
	most := 1.0
	for _, b := range c.bars {
		most = max(most, b.rate)
	}
	for i := range c.bars {
		b := &c.bars[i]
		scale := func(x float64) float64 { return math.Round(10*room*min(1.05, x/most)) / 10 }
		b.Y, b.Middle = i*barHeight+2, i*barHeight+2+barHeight/2
		b.Width, b.WhiskerA, b.WhiskerB = scale(b.rate), leftMargin+scale(b.slowest), leftMargin+scale(b.fastest)
	}
	return c.bars
}

// TextAt is where a bar's number begins.
func (b bar) TextAt() float64 { return max(leftMargin+b.Width, b.WhiskerB) + 6 }

// lineChart has a line for each store.
type lineChart struct {
	Title      string
	XLog, YLog bool
	YMax       float64            // 0: as it comes
	XUnit      func(int64) string // nil: numbers
	lines      []*line
}

type line struct {
	Name, Color string
	xs, ys      []float64
	Points      string
}

func (c *lineChart) add(name, color string, x, y float64) {
	i := slices.IndexFunc(c.lines, func(l *line) bool { return l.Name == name })
	if i < 0 {
		i = len(c.lines)
		c.lines = append(c.lines, &line{Name: name, Color: color})
	}
	l := c.lines[i]
	l.xs, l.ys = append(l.xs, x), append(l.ys, y)
}

func (c lineChart) Width() int   { return chartWidth }
func (c lineChart) Height() int  { return chartHeight }
func (c lineChart) Left() int    { return leftMargin / 2 }
func (c lineChart) Right() int   { return chartWidth - otherMargin }
func (c lineChart) Top() int     { return otherMargin / 2 }
func (c lineChart) Bottom() int  { return chartHeight - otherMargin }
func (c lineChart) Bottom2() int { return chartHeight - otherMargin/2 + 4 }

// axis turns values into places.
type axis struct {
	least, most float64
	log         bool
	from, to    float64
}

func (c lineChart) x() axis {
	return newAxis(c.lines, func(l *line) []float64 { return l.xs }, c.XLog, 0, float64(c.Left()), float64(c.Right()))
}

func (c lineChart) y() axis {
	return newAxis(c.lines, func(l *line) []float64 { return l.ys }, c.YLog, c.YMax, float64(c.Bottom()), float64(c.Top()))
}

func newAxis(lines []*line, values func(*line) []float64, log bool, most, from, to float64) axis {
	a := axis{least: math.Inf(1), most: most, log: log, from: from, to: to}
	for _, l := range lines {
		a.least = min(a.least, slices.Min(values(l)))
		a.most = max(a.most, slices.Max(values(l)))
	}
	if !log {
		a.least = 0
	}
	if log { // whole powers of ten
		a.least, a.most = math.Pow(10, math.Floor(math.Log10(a.least))), math.Pow(10, math.Ceil(math.Log10(a.most)))
	}
	if a.most <= a.least {
		a.most = a.least + 1
		if log {
			a.most = a.least * 10
		}
	}
	return a
}

func (a axis) at(v float64) float64 {
	least, most := a.least, a.most
	if a.log {
		v, least, most = math.Log(v), math.Log(least), math.Log(most)
	}
	return math.Round(10*(a.from+(v-least)/(most-least)*(a.to-a.from))) / 10
}

// Lines are the stores' lines, as SVG has them.
func (c lineChart) Lines() []*line {
	if len(c.lines) == 0 {
		return nil
	}
	x, y := c.x(), c.y()
	for _, l := range c.lines {
		var b strings.Builder
		for i := range l.xs {
			fmt.Fprintf(&b, "%g,%g ", x.at(l.xs[i]), y.at(l.ys[i]))
		}
		l.Points = strings.TrimSpace(b.String())
	}
	return c.lines
}

// tick is a number on an axis.
type tick struct {
	At   float64
	Text string
}

func (c lineChart) XTicks() []tick {
	if len(c.lines) == 0 {
		return nil
	}
	unit := c.XUnit
	if unit == nil {
		unit = func(n int64) string { return count(float64(n)) }
	}
	return c.x().ticks(func(v float64) string { return unit(int64(v)) })
}

func (c lineChart) YTicks() []tick {
	if len(c.lines) == 0 {
		return nil
	}
	return c.y().ticks(count)
}

// ticks are powers of ten, or quarters.
func (a axis) ticks(text func(float64) string) (all []tick) {
	if a.log {
		for v := a.least; v <= a.most*1.01; v *= 10 {
			all = append(all, tick{a.at(v), text(v)})
		}
		return all
	}
	for i := range 5 {
		v := a.least + (a.most-a.least)*float64(i)/4
		all = append(all, tick{a.at(v), text(v)})
	}
	return all
}
