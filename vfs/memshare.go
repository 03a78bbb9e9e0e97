package vfs

import (
	"encoding/binary"
	"errors"
	"io/fs"
	"sync"
	"sync/atomic"
	"time"
)

// sharedPage is the memory of a Page of a Mem. The file under it is as long, but
// is not changed by stores into the page: after a crash they are gone.
type sharedPage struct {
	words []atomic.Uint64
	users int // who have it open; guarded by the mu of the Mem

	mu    sync.Mutex
	woken map[int]chan struct{} // by word, closed by Wake; those that somebody waits for
}

// memPage is a Page that somebody has open.
type memPage struct {
	m      *Mem
	node   *inode
	shared *sharedPage
	words  []atomic.Uint64 // those that he wanted; nil once closed
}

func (m *Mem) Page(name string, size int) (Page, error) { return m.pageBy(m, name, size) }

// pageBy opens a page for a process, which by stands for.
func (m *Mem) pageBy(by FS, name string, size int) (Page, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p, err := m.page(by, name, size)
	if err != nil {
		return nil, pathError("page", name, err)
	}
	return p, nil
}

func (m *Mem) page(by FS, name string, size int) (*memPage, error) {
	switch {
	case m.Network:
		return nil, errors.ErrUnsupported
	case !isPageSize(size):
		return nil, fs.ErrInvalid
	}
	node, err := m.findOrMake(name)
	if err != nil {
		return nil, err
	}
	if err := m.lockedBy(by, node, name); err != nil {
		return nil, err
	}
	p := m.pages[node]
	if p == nil || len(p.words) < size/8 {
		if p, err = m.longerPage(p, node, name, int64(size)); err != nil {
			return nil, err
		}
	}
	p.users++
	node.open++
	return &memPage{m: m, node: node, shared: p, words: p.words[:size/8]}, nil
}

// longerPage makes the memory over a file, in place of what is there, which
// nobody may have open: unlike a file's, memory that is in use cannot grow.
func (m *Mem) longerPage(old *sharedPage, node *inode, name string, size int64) (*sharedPage, error) {
	if old != nil && old.users > 0 {
		return nil, errors.ErrUnsupported
	}
	if err := m.extend(node, name, size); err != nil {
		return nil, err
	}
	b := node.bytes()
	p := &sharedPage{words: make([]atomic.Uint64, len(b)/8), woken: make(map[int]chan struct{})}
	for i := range p.words {
		p.words[i].Store(binary.NativeEndian.Uint64(b[8*i:]))
	}
	if old != nil {
		for i := range old.words {
			p.words[i].Store(old.words[i].Load())
		}
	}
	if m.pages == nil {
		m.pages = make(map[*inode]*sharedPage)
	}
	m.pages[node] = p
	return p, nil
}

// extend makes a file longer, or does nothing when the disk is full.
func (m *Mem) extend(node *inode, name string, size int64) error {
	grow := size - node.size
	if grow <= 0 {
		return nil
	}
	if m.Space > 0 && m.used+grow > m.Space {
		return errNoSpace
	}
	_, err := m.write(node, name, make([]byte, grow), node.size)
	return err
}

func (p *memPage) Words() []atomic.Uint64 { return p.words }

func (p *memPage) Wait(i int, old uint64, d time.Duration) {
	woken := p.shared.wait(i, old)
	if d <= 0 || woken == nil {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-woken:
	case <-t.C:
	}
}

// wait is closed at the next wake; nil if the word is not old any more. Who
// changes the word and then wakes does one of the two after this look.
func (s *sharedPage) wait(i int, old uint64) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.words[i].Load() != old {
		return nil
	}
	if s.woken[i] == nil {
		s.woken[i] = make(chan struct{})
	}
	return s.woken[i]
}

func (p *memPage) Wake(i int) {
	s := p.shared
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.woken[i]; c != nil {
		close(c)
		delete(s.woken, i)
	}
}

func (p *memPage) Close() error {
	p.m.mu.Lock()
	defer p.m.mu.Unlock()
	if p.words == nil {
		return nil
	}
	p.words = nil
	p.shared.users--
	p.node.open--
	p.m.forget(p.node)
	return nil
}
