package main

import (
	_ "embed"
	"fmt"
	"html/template"
	"slices"
)

//go:embed report.html
var pageText string

// pageTemplate has everything in it: who views the page needs no network.
var pageTemplate = template.Must(template.New("report").Parse(pageText))

// page is what the template shows.
type page struct {
	Environment string
	Seed        uint64
	Failed      []string
	Scales      []lineChart
	Sections    []section
	Stores      []storeNote
}

// section is one workload.
type section struct {
	Title   string
	Bars    barChart
	CDF     lineChart
	HasTail bool
	Rows    []tableRow
}

type tableRow struct{ Store, Rate, Spread, Limit, Mapped, Peer, P50, P99, P999, Longest, Remarks string }

// storeNote is what a store does not promise.
type storeNote struct{ Color, Name, Version, Opened, Caveats string }

func newPage(rows []*row) *page {
	p := &page{Environment: rows[0].environment.String(), Seed: rows[0].Seed}
	colors := colorsOf(rows)
	for len(rows) > 0 {
		at := rows[0].contest()
		end := slices.IndexFunc(rows, func(r *row) bool { return r.contest() != at })
		if end < 0 {
			end = len(rows)
		}
		p.Sections = append(p.Sections, newSection(rows[:end], colors))
		p.add(rows[:end], colors)
		rows = rows[end:]
	}
	return p
}

// add notes what is told of all workloads together.
func (p *page) add(rows []*row, colors map[string]string) {
	for _, r := range rows {
		if r.Error != "" {
			p.Failed = append(p.Failed, r.Error)
			continue
		}
		if r.Promises.Name != "" && !slices.ContainsFunc(p.Stores, func(n storeNote) bool { return n.Name == r.Store }) {
			p.Stores = append(p.Stores, storeNote{colors[r.Store], r.Store, r.Promises.Version, r.Promises.Opened, caveats(r.Promises)})
		}
		if r.Workload == "scale-get" {
			p.scale(0, "memory: bytes a key, against keys", r, r.BytesPerKey, colors)
			p.scale(1, "space: bytes an item on the disk, against keys", r, r.DiskPerItem, colors)
			p.scale(2, "Get: nanoseconds each, against keys", r, new(1e9/r.OpsPerSec), colors)
		}
		if r.Workload == "scale-set" {
			p.scale(3, "Set over what is there: nanoseconds each, against keys", r, new(1e9/r.OpsPerSec), colors)
		}
	}
}

// scale adds a point to a chart over numbers of keys.
func (p *page) scale(at int, title string, r *row, y *float64, colors map[string]string) {
	for len(p.Scales) <= at {
		p.Scales = append(p.Scales, lineChart{XLog: true, YLog: true})
	}
	p.Scales[at].Title = title
	if y != nil && *y > 0 {
		p.Scales[at].add(r.Store, colors[r.Store], float64(r.N), *y)
	}
}

func newSection(rows []*row, colors map[string]string) section {
	r := rows[0]
	s := section{Title: fmt.Sprintf("%s, values of %s, %s keys, %d goroutines", r.Workload, size(int64(r.ValueSize)), count(float64(r.N)), r.Goroutines)}
	s.CDF = lineChart{Title: "latency: percent of operations that took no longer", XLog: true, XUnit: short, YMax: 100}
	for _, r := range rows {
		if r.Error != "" {
			continue
		}
		s.Bars.add(r.Store, colors[r.Store], r.OpsPerSec, r.Slowest, r.Fastest)
		for _, p := range r.CDF {
			s.HasTail = true
			s.CDF.add(r.Store, colors[r.Store], float64(max(1, p.Nanos)), p.Percent)
		}
		s.Rows = append(s.Rows, tableRow{
			r.Store, count(r.OpsPerSec), fmt.Sprintf("%.0f %%", r.spread()), two(r.RatioLimit), two(r.RatioMapped), two(r.RatioPeer),
			took(r.P50), took(r.P99), took(r.P999), took(r.Longest), r.remarks(),
		})
	}
	return s
}

// colorsOf gives each store a color, the library's the first.
func colorsOf(rows []*row) map[string]string {
	names := []string{ownName}
	for _, r := range rows {
		if !slices.Contains(names, r.Store) {
			names = append(names, r.Store)
		}
	}
	colors := map[string]string{}
	for i, name := range names {
		colors[name] = palette[i%len(palette)]
	}
	return colors
}

// palette are colors of which neighbours are far apart.
var palette = []string{
	"#1f6fd6", "#8a8f98", "#c0c4ca", "#a0762c", "#d6452b", "#2a9d4a", "#8e44c9", "#e08a00", "#0d9aa6", "#c2247f",
	"#6b8e23", "#5b5bd6", "#b5651d", "#00786a", "#e35d9a", "#7a5c3e", "#3f7f93",
}
