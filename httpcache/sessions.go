package httpcache

import (
	"context"
	"errors"
	"time"

	"github.com/go-diskcache/diskcache"
)

// Sessions is the Store, CtxStore, IterableStore and IterableCtxStore of alexedwards/scs.
type Sessions struct {
	store  diskcache.Store
	prefix string
}

// NewSessions returns the sessions that s keeps under a prefix.
func NewSessions(s diskcache.Store, prefix string) *Sessions { return &Sessions{s, prefix} }

// Find returns the data of a session, which is the caller's, and reports whether there is one
// that has not expired.
func (s *Sessions) Find(token string) (b []byte, found bool, err error) {
	return find(s.store, s.prefix+token)
}

// Commit stores the data of a session until it expires. The caller keeps b.
func (s *Sessions) Commit(token string, b []byte, expiry time.Time) error {
	return s.store.Set(s.prefix+token, b, diskcache.ExpireAt(expiry))
}

// Delete removes a session. That there is none is no error.
func (s *Sessions) Delete(token string) error {
	_, err := s.store.Delete(s.prefix + token)
	return err
}

// All returns the data of all sessions that have not expired, by their tokens.
func (s *Sessions) All() (map[string][]byte, error) { return s.AllCtx(context.Background()) }

// FindCtx is Find, unless ctx has ended.
func (s *Sessions) FindCtx(ctx context.Context, token string) (b []byte, found bool, err error) {
	if err := ctx.Err(); err != nil {
		return nil, false, err
	}
	return s.Find(token)
}

// CommitCtx is Commit, unless ctx has ended.
func (s *Sessions) CommitCtx(ctx context.Context, token string, b []byte, expiry time.Time) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return s.Commit(token, b, expiry)
}

// DeleteCtx is Delete, unless ctx has ended.
func (s *Sessions) DeleteCtx(ctx context.Context, token string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return s.Delete(token)
}

// AllCtx is All that ends when ctx does. After an error it returns none.
func (s *Sessions) AllCtx(ctx context.Context) (map[string][]byte, error) {
	all := make(map[string][]byte)
	for it, err := range s.store.ScanItems(diskcache.Range{Order: diskcache.ByKey, Prefix: s.prefix}) {
		if ended := ctx.Err(); ended != nil {
			return nil, ended
		}
		if errors.Is(err, diskcache.ErrNotFound) {
			continue // it has expired
		}
		if err != nil {
			return nil, err
		}
		all[it.Key[len(s.prefix):]] = it.Value
	}
	return all, nil
}
