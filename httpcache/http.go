package httpcache

import (
	"errors"

	"github.com/go-diskcache/diskcache"
)

// HTTP is the Cache of gregjones/httpcache and of libraries that took over its methods.
type HTTP struct {
	store   diskcache.Store
	prefix  string
	onError func(error)
	opts    []diskcache.SetOption
}

// NewHTTP returns the responses that s keeps under a prefix. What goes wrong is told to onError,
// if it is not nil, for the methods have no way to return it: a Get that fails has found nothing.
// opts are stored with each response.
func NewHTTP(s diskcache.Store, prefix string, onError func(error), opts ...diskcache.SetOption) *HTTP {
	if onError == nil {
		onError = func(error) {}
	}
	return &HTTP{store: s, prefix: prefix, onError: onError, opts: opts}
}

// Get returns the response of key, which is the caller's, and reports whether there is one.
func (h *HTTP) Get(key string) (response []byte, ok bool) {
	v, found, err := find(h.store, h.prefix+key)
	if err != nil {
		h.onError(err)
	}
	return v, found
}

// Set stores a response under key. The caller keeps it.
func (h *HTTP) Set(key string, response []byte) {
	if err := h.store.Set(h.prefix+key, response, h.opts...); err != nil {
		h.onError(err)
	}
}

// Delete removes the response of key.
func (h *HTTP) Delete(key string) {
	if _, err := h.store.Delete(h.prefix + key); err != nil {
		h.onError(err)
	}
}

// find is Get that tells in a word of its own whether there is an item.
func find(s diskcache.Store, key string) ([]byte, bool, error) {
	v, err := s.Get(key)
	if errors.Is(err, diskcache.ErrNotFound) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	return v, true, nil
}
