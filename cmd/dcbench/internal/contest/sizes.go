package contest

import (
	"fmt"
	"strconv"
	"strings"
)

// Sizes says how long values are.
type Sizes []share

// share is a part of all values, in percent, with sizes from least to most.
type share struct{ percent, least, most int }

// ParseSizes reads a number of bytes, or shares of all values in percent with their least and most
// bytes, as in "90:100-600,10:600-4000".
func ParseSizes(s string) (Sizes, error) {
	if n, err := strconv.Atoi(s); err == nil && n >= 0 {
		return Sizes{{100, n, n}}, nil
	}
	var sizes Sizes
	total := 0
	for text := range strings.SplitSeq(s, ",") {
		var p share
		if _, err := fmt.Sscanf(text, "%d:%d-%d", &p.percent, &p.least, &p.most); err != nil || p.least < 0 || p.most < p.least {
			return nil, fmt.Errorf("sizes %q: %q is not percent:least-most", s, text)
		}
		total += p.percent
		sizes = append(sizes, p)
	}
	if total != 100 {
		return nil, fmt.Errorf("sizes %q are %d percent", s, total)
	}
	return sizes, nil
}

// Of returns the size of the value with number n. It stays as it is from version to version.
func (s Sizes) Of(n uint64) int {
	if len(s) == 1 {
		return s[0].least
	}
	r := Mix(^n)
	percent := int(r % 100)
	for _, p := range s {
		if percent -= p.percent; percent < 0 {
			return p.least + int((r>>8)%uint64(p.most-p.least+1))
		}
	}
	panic("sizes are less than all")
}

// Most is the longest that there is.
func (s Sizes) Most() int {
	most := 0
	for _, p := range s {
		most = max(most, p.most)
	}
	return most
}

// Mean is the average of all.
func (s Sizes) Mean() int {
	sum := 0
	for _, p := range s {
		sum += p.percent * (p.least + p.most) / 2
	}
	return sum / 100
}
