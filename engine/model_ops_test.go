package engine

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/go-diskcache/diskcache/codec"
)

// actions are what a run of the model may do.
func (m *model) actions() map[string]func(*rapid.T) {
	all := map[string]func(){
		"set": m.set, "set 2": m.set, "set 3": m.set, "set by reader": m.setReader,
		"delete": m.delete, "delete 2": m.delete,
		"get": m.get, "get and append": m.getAppend, "has": m.has, "item": m.item, "read": m.read,
		"update": m.update, "update that fails": m.updateFails,
		"change": m.changeOne, "change 2": m.changeOne, "change 3": m.changeOne,
		"set many": m.setMany, "delete many": m.deleteMany, "get many": m.getMany,
		"everything": m.everything, "sync": m.sync,
		"reopen": m.reopen, "kill": m.kill, "lose files": m.loseFiles,
		"configure": m.configure,
		"compact":   m.compact, "expire": m.expire, "cull": m.cull, "evict tag": m.evictTag, "clear": m.clear,
		"time passes": m.timePasses, "clock goes back": m.clockBack,
	}
	actions := make(map[string]func(*rapid.T))
	for name, do := range all {
		actions[name] = func(t *rapid.T) {
			m.T = t
			m.ops++
			do()
			m.lookForEvicted()
		}
	}
	return actions
}

// modelKeys are few, so that they meet again and again; one is empty, one is
// longer than what is read of a record at first.
var modelKeys = append(strings.Split("abcdefghijklmnop", ""), "", strings.Repeat("long", 100), "\x00\xff/../", "ключ")

func (m *model) key() string { return rapid.SampledFrom(modelKeys).Draw(m.T, "key") }

func (m *model) value() []byte {
	size := rapid.OneOf(
		rapid.IntRange(0, 40), rapid.IntRange(0, 600), rapid.SampledFrom([]int{199, 200, 2999, 3000, 5000, 49_999, 50_000, 70_000}),
	).Draw(m.T, "size")
	return oracleBytes(rapid.IntRange(1, 1<<30).Draw(m.T, "content"), size)
}

// oracleBytes are bytes that compress a little.
func oracleBytes(seed, size int) []byte {
	return oracleValue("model", seed, size+leastValue)[leastValue:]
}

func (m *model) attrs() Attrs {
	var a Attrs
	if rapid.IntRange(0, 2).Draw(m.T, "expires") == 0 {
		a.Expires = m.now.Load() + int64(rapid.IntRange(-5, 120).Draw(m.T, "minutes"))*int64(time.Minute)
	}
	a.Tag = rapid.SampledFrom([]string{"", "", "tag", strings.Repeat("t", 300)}).Draw(m.T, "tag")
	a.User = uint16(rapid.IntRange(0, 1<<16-1).Draw(m.T, "user"))
	if a.HasCompression = rapid.Bool().Draw(m.T, "own compression"); a.HasCompression {
		a.Compression = rapid.SampledFrom([]codec.Compression{codec.None, codec.LZ4, codec.Zstd}).Draw(m.T, "compression")
	}
	return a
}

// store puts what was stored into the map.
func (m *model) store(key string, value []byte, a Attrs) {
	m.age++
	it := &modelItem{value: value, attrs: a, age: m.age}
	if m.lifeOf(key) == alive && !m.limited() { // what it replaces may have been given up for it
		it.first = m.items[key].first
	}
	m.items[key] = it
}

func (m *model) set() {
	key, value, a := m.key(), m.value(), m.attrs()
	given := slices.Clone(value)
	err := m.e.Set(key, given, a)
	clear(given) // it is the caller's again
	if m.refused(err, "set") {
		m.lookForEvicted()
	} else {
		m.store(key, value, a)
	}
	m.compare(key)
}

func (m *model) setReader() {
	key, value, a := m.key(), m.value(), m.attrs()
	if rapid.Bool().Draw(m.T, "fails") {
		m.must(m.brokenReader(key, value, a), "set by a reader that fails")
	} else if !m.refused(m.e.SetReader(key, &slowReader{value, 999}, a), "set by reader") {
		m.store(key, value, a)
	}
	m.lookForEvicted()
	m.compare(key)
}

var errModel = errors.New("model: on purpose")

// brokenReader stores from a reader that fails at the end.
func (m *model) brokenReader(key string, value []byte, a Attrs) error {
	err := m.e.SetReader(key, io.MultiReader(bytes.NewReader(value), errReader{}), a)
	if !errors.Is(err, errModel) && !m.refused(err, "set by a reader that fails") {
		return errors.New("the reader's error is lost")
	}
	return nil
}

type errReader struct{}

func (errReader) Read([]byte) (int, error) { return 0, errModel }

func (m *model) delete() {
	key := m.key()
	existed, err := m.e.Delete(key)
	m.must(err, "delete")
	m.saw(key, existed, "delete")
	delete(m.items, key)
	m.compare(key)
}

func (m *model) get() { m.compare(m.key()) }

func (m *model) sync() { m.must(m.e.Sync(), "sync") }

func (m *model) compact() { m.must(m.e.Compact(), "compact") }

// expire removes what is dead. What may be alive may be gone as well.
func (m *model) expire() {
	_, err := m.e.Expire()
	m.must(err, "expire")
}

func (m *model) evictTag() {
	tag := rapid.SampledFrom([]string{"tag", strings.Repeat("t", 300), "none"}).Draw(m.T, "tag")
	want := 0
	for key, it := range m.items {
		if it.attrs.Tag == tag {
			delete(m.items, key)
			want++
		}
	}
	n, err := m.e.EvictTag(tag)
	m.must(err, "evict tag")
	m.evicted += int64(n)
	if n > want {
		m.Fatalf("evict tag: %d of %d items", n, want)
	}
}

func (m *model) clear() {
	if rapid.IntRange(0, 3).Draw(m.T, "clear") > 0 {
		return // or there would never be much
	}
	_, err := m.e.Clear()
	m.must(err, "clear")
	clear(m.items)
}

func (m *model) timePasses() {
	m.now.Add(int64(rapid.IntRange(0, 7200).Draw(m.T, "seconds")) * int64(time.Second))
	m.latest = max(m.latest, m.now.Load())
}

func (m *model) clockBack() {
	m.now.Add(-int64(rapid.IntRange(0, 3600).Draw(m.T, "seconds")) * int64(time.Second))
}

// reopen closes the engine and opens it with other options.
func (m *model) reopen() {
	m.stop()
	m.drawOptions()
	m.start()
}

// kill goes on after the death of the process.
func (m *model) kill() {
	old := m.e
	m.disk.kill(m.T)
	m.closed(old.Close())
	m.horizon = 0 // not on the disk yet
	m.drawOptions()
	m.start()
	m.everything()
}

// loseFiles damages what may be lost while nobody has the directory open.
func (m *model) loseFiles() {
	m.stop()
	for _, name := range m.disk.spare(m.T) {
		switch rapid.IntRange(0, 4).Draw(m.T, "damage to "+name) {
		case 0:
			m.disk.damage(m.T, name, func([]byte) []byte { return nil })
		case 1:
			at := rapid.IntRange(0, 1<<20).Draw(m.T, "at")
			m.disk.damage(m.T, name, func(b []byte) []byte { return b[:at%(len(b)+1)] })
		case 2:
			at := rapid.IntRange(0, 1<<20).Draw(m.T, "at")
			m.disk.damage(m.T, name, func(b []byte) []byte {
				b = slices.Clone(b)
				b[at%len(b)] ^= 0x10
				return b
			})
		}
	}
	m.damaged, m.hurt = true, true
	m.horizon = 0
	m.drawOptions()
	m.start()
	m.everything()
}
