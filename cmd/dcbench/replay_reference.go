package main

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
)

// reference has the hit ratios that others have measured. It is read from the first
// table of this form in a Markdown file. Columns are known by their names, and those of
// policies that we do not have do not matter:
//
//	| trace | objects kept | FIFO | LRU | LFU | S3-FIFO |
//	|---|--:|--:|--:|--:|--:|
//	| web07 | 200 | 0.3617 | 0.3899 | 0.3057 | 0.4363 |
type reference struct {
	ratios map[referenceKey]float64
	sizes  map[string][]int // by trace, in order of the table
}

type referenceKey struct {
	trace    string
	capacity int
	policy   string
}

// referenceColumns are the columns that tell of our policies. Where there is no time
// to live, those that go by it are FIFO and LRU.
var referenceColumns = map[string][]string{
	"FIFO": {"fifo", "ttl"}, "LRU": {"lru", "lru-ttl"}, "LFU": {"lfu"}, "S3-FIFO": {"s3fifo"},
}

func readReference(path string) (*reference, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	ref := &reference{ratios: map[referenceKey]float64{}, sizes: map[string][]int{}}
	var head []string
	n := 0
	for line := range strings.Lines(string(b)) {
		n++
		cells := tableCells(line)
		switch {
		case head == nil && isReference(cells):
			head = cells
		case head == nil || cells != nil && strings.HasPrefix(cells[0], "-"): // the line under the head
		case cells == nil:
			return ref.checked(path)
		default:
			if err := ref.addRow(head, cells); err != nil {
				return nil, fmt.Errorf("%s:%d: %w", path, n, err)
			}
		}
	}
	return ref.checked(path)
}

// isReference tells the head of the table.
func isReference(cells []string) bool {
	return len(cells) > 2 && cells[0] == "trace" && cells[1] == "objects kept" && slices.Contains(cells, "FIFO")
}

func (ref *reference) checked(path string) (*reference, error) {
	if len(ref.ratios) == 0 {
		return nil, fmt.Errorf("%s: no table of hit ratios, which has the columns trace, objects kept, FIFO", path)
	}
	return ref, nil
}

// tableCells returns the cells of a line, nil if it is not of a table.
func tableCells(line string) []string {
	line = strings.TrimSpace(line)
	if !strings.HasPrefix(line, "|") {
		return nil
	}
	cells := strings.Split(strings.Trim(line, "|"), "|")
	for i := range cells {
		cells[i] = strings.TrimSpace(cells[i])
	}
	return cells
}

func (ref *reference) addRow(head, cells []string) error {
	if len(cells) != len(head) {
		return fmt.Errorf("%d cells under %d columns", len(cells), len(head))
	}
	capacity, err := strconv.Atoi(cells[1])
	if err != nil {
		return err
	}
	trace := cells[0]
	if !slices.Contains(ref.sizes[trace], capacity) {
		ref.sizes[trace] = append(ref.sizes[trace], capacity)
	}
	for i, column := range head {
		for _, policy := range referenceColumns[column] {
			if ref.ratios[referenceKey{trace, capacity, policy}], err = strconv.ParseFloat(cells[i], 64); err != nil {
				return err
			}
		}
	}
	return nil
}

// capacities returns the sizes that the reference has for a trace.
func (ref *reference) capacities(trace string) []int {
	if ref == nil {
		return nil
	}
	return ref.sizes[trace]
}

// ratio returns the hit ratio that a policy should have.
func (ref *reference) ratio(trace, policy string, capacity int) (float64, bool) {
	if ref == nil {
		return 0, false
	}
	x, ok := ref.ratios[referenceKey{trace, capacity, policy}]
	return x, ok
}
