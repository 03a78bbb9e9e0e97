package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// drawReport is "dcbench report": it makes one HTML file of what "dcbench compare --format json" has
// printed. html_page.go says what is in it, html_chart.go draws.
func drawReport(args []string, stdout io.Writer) error {
	fs := flag.NewFlagSet("report", flag.ContinueOnError)
	out := fs.String("o", "", "write the page to `file` (default: the name of the input, with .html)")
	files, err := parseArgs(fs, args, " FILE.json", stdout)
	if err != nil {
		return err
	}
	if len(files) != 1 {
		return usageError{fmt.Errorf("one file of JSON is to be given, not %d", len(files))}
	}
	rows, err := readRows(files[0])
	if err != nil {
		return err
	}
	if *out == "" {
		*out = strings.TrimSuffix(files[0], filepath.Ext(files[0])) + ".html"
	}
	if err := writePage(*out, newPage(rows)); err != nil {
		return err
	}
	_, err = fmt.Fprintln(stdout, *out)
	return err
}

// readRows reads rows, one a line.
func readRows(name string) (rows []*row, err error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	for d := json.NewDecoder(bufio.NewReader(f)); ; {
		r := &row{}
		err := d.Decode(r)
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if r.Workload == "" || r.Store == "" {
			return nil, fmt.Errorf("%s: row %d is none of dcbench compare --format json", name, len(rows)+1)
		}
		rows = append(rows, r)
	}
	if len(rows) == 0 {
		return nil, fmt.Errorf("%s: there are no rows in it", name)
	}
	return rows, nil
}

func writePage(name string, p *page) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(f)
	return errors.Join(pageTemplate.Execute(w, p), w.Flush(), f.Close())
}
