package vfs

import (
	"fmt"
	"os"
	"strings"
	"time"
	"unicode"
)

// Holder is what this process should call itself in a lock file. It is for
// people who wonder why they are locked out; nothing is ever concluded from it.
func Holder(now time.Time) string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return fmt.Sprintf("pid %d on host %s since %s", os.Getpid(), host, now.UTC().Format(time.RFC3339))
}

// The texts are fields of the same length at the front of a lock file, one for
// each of the first locks. A text is ended by a newline and filled up with more,
// so that one write of always the same length replaces whatever was there.
const (
	textLen  = 256
	maxTexts = 256
)

// appendText appends a field.
func appendText(dst []byte, text string) []byte {
	n := len(dst)
	dst = append(dst, CleanText(text)...)
	for len(dst) < n+textLen {
		dst = append(dst, '\n')
	}
	return dst
}

// parseText reads a field, or what there is of it. Whatever that is, it yields
// something short and printable.
func parseText(b []byte) string {
	line, _, _ := strings.Cut(string(b[:min(len(b), textLen)]), "\n")
	return CleanText(line)
}

// CleanText makes a text one printable line that fits.
func CleanText(s string) string {
	s = s[:min(len(s), textLen-1)]
	s = strings.ToValidUTF8(s, "")
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return -1
	}, s))
}
