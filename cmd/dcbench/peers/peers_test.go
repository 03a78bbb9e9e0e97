package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/go-diskcache/diskcache/cmd/dcbench/internal/contest/contesttest"
)

func TestPeers(t *testing.T) {
	for _, k := range kinds {
		t.Run(k.Name, func(t *testing.T) {
			contesttest.Obeys(t, k.Promises, 0, contesttest.InProcess(t, k))
		})
	}
}

func TestCommands(t *testing.T) {
	var out, errs bytes.Buffer
	assert.Equal(t, 0, run([]string{"list"}, nil, &out, &errs))
	assert.Len(t, strings.Fields(out.String()), len(kinds))
	assert.Equal(t, 2, run(nil, nil, &out, &errs))
	assert.Contains(t, errs.String(), "usage: peers list")
	assert.Equal(t, 2, run([]string{"store", "nothing"}, nil, &out, &errs))
	assert.Contains(t, errs.String(), `unknown store "nothing"`)
	out.Reset()
	assert.Equal(t, 0, run([]string{"store", "bbolt"}, strings.NewReader(""), &out, &errs))
	assert.Contains(t, out.String(), `"name":"bbolt"`)
}
