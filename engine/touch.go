package engine

import (
	"errors"

	"github.com/go-diskcache/diskcache/codec"
)

// Touch changes when the item of key expires (ns since the epoch, 0: never), and nothing
// else of it that users see but its version. It reports whether there is one. A value in a
// file of its own stays there: the new record names the same file.
func (e *Engine) Touch(key string, expires int64) (bool, error) {
	return e.edit(key, touch{expires})
}

type touch struct{ expires int64 }

func (t touch) edit(_ *Engine, op *Op, old *codec.Record) (bool, error) {
	if old == nil {
		return false, nil
	}
	rec := &op.Record
	rec.Kind, rec.Flags = codec.KindPut, old.Flags&codec.FlagFile
	rec.User, rec.Tag = old.User, old.Tag
	rec.Value, rec.RawLen, rec.Compression = old.Value, old.RawLen, old.Compression
	rec.Expires = t.expires
	op.Keeps, op.Value = true, valueFile{}
	if rec.Flags&codec.FlagFile != 0 {
		ref, err := parseRef(string(rec.Key), old.Value)
		if err != nil {
			return false, err
		}
		op.Value = valueFile{ref.ID, ref.Size}
	}
	rec.Digest()
	return true, nil
}

// Pop removes the item of key, and returns it with its value.
func (e *Engine) Pop(key string) (Item, []byte, error) {
	p := &pop{}
	done, err := e.edit(key, p)
	if err == errLong {
		err = e.Update(func(tx *Tx) (err error) {
			p.item, p.value, err = tx.Pop(key)
			return err
		})
		done = true
	}
	if err == nil && !done {
		err = ErrNotFound
	}
	if err != nil {
		return Item{}, nil, err
	}
	return p.item, p.value, nil
}

// pop removes an item that it remembers. One whose value has a file of its own is left to
// a transaction: others that commit together with this one are not to wait for the file.
type pop struct {
	item  Item
	value []byte
}

// errLong says that a value is in a file of its own.
var errLong = errors.New("diskcache: value in a file of its own")

func (p *pop) edit(e *Engine, op *Op, old *codec.Record) (ok bool, err error) {
	switch {
	case old == nil:
		return false, nil
	case old.Flags&codec.FlagFile != 0:
		return false, errLong
	}
	key := string(op.Record.Key)
	if p.item, err = e.item(key, old.Value, old); err != nil {
		return false, err
	}
	if p.value, err = e.valueOf(key, old, make([]byte, 0, old.RawLen)); err != nil {
		return false, err
	}
	op.Record.Kind = codec.KindTombstone
	op.Record.Digest()
	return true, nil
}
