package vfs

import (
	"fmt"
	"io"
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

// holderLen is the space at the front for the holder's name, ended by a
// newline and filled up with more, so that one write of always the same length
// replaces whatever was there.
const holderLen = 256

// appendHolder appends the field that is kept at the front of a lock file.
func appendHolder(dst []byte, holder string) []byte {
	n := len(dst)
	dst = append(dst, cleanHolder(holder)...)
	for len(dst) < n+holderLen {
		dst = append(dst, '\n')
	}
	return dst
}

// readHolder reads the holder's name. Whatever is there, it yields something
// short and printable; an error yields nothing.
func readHolder(f io.ReaderAt) string {
	b := make([]byte, holderLen)
	n, _ := f.ReadAt(b, 0)
	return parseHolder(b[:n])
}

func parseHolder(b []byte) string {
	line, _, _ := strings.Cut(string(b[:min(len(b), holderLen)]), "\n")
	return cleanHolder(line)
}

// cleanHolder makes a text one printable line that fits.
func cleanHolder(s string) string {
	s = s[:min(len(s), holderLen-1)]
	s = strings.ToValidUTF8(s, "")
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return -1
	}, s))
}
