package engine

import (
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestMergeFile: an entry of the board is of one segment, whoever has changed it.
func TestMergeFile(t *testing.T) {
	type file [fileWords]uint64 // ID, length, owner
	for name, c := range map[string]struct{ base, mine, theirs, want file }{
		"as it was":                       {file{7, 64, 1}, file{7, 64, 1}, file{7, 64, 1}, file{7, 64, 1}},
		"committed here":                  {file{7, 64, 1}, file{7, 99, 1}, file{7, 64, 1}, file{7, 99, 1}},
		"committed there":                 {file{7, 64, 1}, file{7, 64, 1}, file{7, 99, 1}, file{7, 99, 1}},
		"committed here, inherited there": {file{7, 64, 1}, file{7, 99, 1}, file{7, 64, 2}, file{7, 99, 2}},
		"begun here":                      {file{0, 0, 0}, file{8, 64, 1}, file{0, 0, 0}, file{8, 64, 1}},
		"begun there":                     {file{0, 0, 0}, file{0, 0, 0}, file{8, 64, 1}, file{8, 64, 1}},
		"begun and removed here":          {file{0, 0, 0}, file{0, 64, 1}, file{8, 99, 0}, file{8, 99, 0}},
		"begun here and there":            {file{0, 0, 0}, file{9, 64, 1}, file{8, 99, 2}, file{8, 99, 2}},
		"removed here":                    {file{7, 64, 1}, file{0, 64, 1}, file{7, 64, 1}, file{0, 64, 1}},
		"removed there":                   {file{7, 64, 1}, file{7, 64, 1}, file{0, 64, 1}, file{0, 64, 1}},
		"removed here, another there":     {file{7, 64, 1}, file{0, 64, 1}, file{8, 99, 2}, file{8, 99, 2}},
		"another here, nobody's there":    {file{7, 64, 1}, file{8, 64, 2}, file{7, 64, 240}, file{8, 64, 2}},
		"another here, removed there":     {file{7, 64, 1}, file{8, 64, 2}, file{0, 64, 1}, file{8, 64, 2}},
		"nobody's here, another there":    {file{7, 64, 1}, file{7, 64, 240}, file{8, 99, 1}, file{8, 99, 1}},
		"committed here, another there":   {file{7, 64, 1}, file{7, 99, 1}, file{8, 64, 1}, file{8, 64, 1}},
	} {
		t.Run(name, func(t *testing.T) {
			w := make([]atomic.Uint64, fileWords)
			for i := range w {
				w[i].Store(c.mine[i])
			}
			mergeFile(w, c.base[:], c.theirs[:])
			var got file
			for i := range w {
				got[i] = w[i].Load()
			}
			require.Equal(t, c.want, got)
		})
	}
}
