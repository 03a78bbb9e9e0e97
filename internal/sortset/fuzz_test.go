package sortset

import (
	"encoding/binary"
	"testing"
)

// FuzzSet does the operations that some bytes say to a set and to a sorted slice, and compares them
// with each other: what each returns at once, and all that there is at the end.
func FuzzSet(f *testing.F) {
	var runs []byte
	for i := range byte(40) {
		runs = append(runs, 3, 1+i%7, i*37, 200, 4, i, i, 50, 2, i)
	}
	f.Add([]byte{})
	f.Add([]byte{0, 3, 'a', 'b', 'c', 0, 0, 1, 3, 'a', 'b', 'c', 2, 0})
	f.Add([]byte{3, 1, 0, 255, 3, 2, 9, 255, 5, 3, 0, 100, 4, 1, 0, 255, 2, 1, 'r', 5, 250, 9})
	f.Add(runs)
	f.Fuzz(func(t *testing.T, program []byte) {
		var m model
		p := reader(program)
		for steps := 0; len(p) > 0 && steps < 2000; steps++ {
			p.step(t, &m)
		}
		m.check(t)
	})
}

// reader is what is left of a program. What it lacks is zero.
type reader []byte

func (p *reader) byte() (b byte) {
	if len(*p) > 0 {
		b, *p = (*p)[0], (*p)[1:]
	}
	return b
}

// string takes a string: some bytes as they are, or one many times, for those that need a chunk
// to themselves.
func (p *reader) string() string {
	n := int(p.byte())
	if n >= 250 {
		long := make([]byte, (n-249)*1000+int(p.byte()))
		for i, b := 0, p.byte(); i < len(long); i++ {
			long[i] = b
		}
		return string(long)
	}
	n = min(n, len(*p))
	s := string((*p)[:n])
	*p = (*p)[n:]
	return s
}

// run calls do with strings that come one after the other, as sequences do: they fill chunks.
func (p *reader) run(do func(string)) {
	step, from, n := int8(p.byte()), uint64(p.byte())<<6, int(p.byte())
	for i := range n {
		do("r" + string(binary.BigEndian.AppendUint64(nil, 1<<40+from+uint64(i*int(step)))))
	}
}

func (p *reader) step(t *testing.T, m *model) {
	switch p.byte() % 6 {
	case 0:
		m.add(t, p.string())
	case 1:
		m.remove(t, p.string())
	case 2:
		m.look(t, p.string())
	case 3:
		p.run(func(s string) { m.add(t, s) })
	case 4:
		p.run(func(s string) { m.remove(t, s) })
	default: // one that is there
		if n := len(m.want); n > 0 {
			m.remove(t, m.want[int(p.byte())*n/256])
		}
	}
}
