package httpcache_test

import (
	"context"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache"
	"github.com/go-diskcache/diskcache/httpcache"
	"github.com/go-diskcache/diskcache/memory"
)

// What the libraries expect, as their documentation has it.
type (
	// httpcacheCache is Cache of github.com/gregjones/httpcache.
	httpcacheCache interface {
		Get(key string) (responseBytes []byte, ok bool)
		Set(key string, responseBytes []byte)
		Delete(key string)
	}
	// scsStore is Store of github.com/alexedwards/scs/v2.
	scsStore interface {
		Delete(token string) (err error)
		Find(token string) (b []byte, found bool, err error)
		Commit(token string, b []byte, expiry time.Time) (err error)
	}
	// scsIterableStore is IterableStore of the same.
	scsIterableStore interface {
		All() (map[string][]byte, error)
	}
	// scsCtxStore is CtxStore of the same.
	scsCtxStore interface {
		scsStore
		DeleteCtx(ctx context.Context, token string) (err error)
		FindCtx(ctx context.Context, token string) (b []byte, found bool, err error)
		CommitCtx(ctx context.Context, token string, b []byte, expiry time.Time) (err error)
	}
	// scsIterableCtxStore is IterableCtxStore of the same.
	scsIterableCtxStore interface {
		AllCtx(ctx context.Context) (map[string][]byte, error)
	}
	// fiberStorage is Storage of github.com/gofiber/fiber/v2.
	fiberStorage interface {
		Get(key string) ([]byte, error)
		Set(key string, val []byte, exp time.Duration) error
		Delete(key string) error
		Reset() error
		Close() error
	}
	// fiberStorage3 is Storage of github.com/gofiber/fiber/v3.
	fiberStorage3 interface {
		fiberStorage
		GetWithContext(ctx context.Context, key string) ([]byte, error)
		SetWithContext(ctx context.Context, key string, val []byte, exp time.Duration) error
		DeleteWithContext(ctx context.Context, key string) error
		ResetWithContext(ctx context.Context) error
	}
)

var (
	_ httpcacheCache      = (*httpcache.HTTP)(nil)
	_ scsCtxStore         = (*httpcache.Sessions)(nil)
	_ scsIterableStore    = (*httpcache.Sessions)(nil)
	_ scsIterableCtxStore = (*httpcache.Sessions)(nil)
	_ fiberStorage        = (*httpcache.Storage)(nil)
	_ fiberStorage3       = (*httpcache.Storage)(nil)
	_ io.Closer           = (*httpcache.Storage)(nil)
)

func TestHTTP(t *testing.T) {
	onStores(t, func(t *testing.T, s diskcache.Store) {
		var errs []error
		h := httpcache.NewHTTP(s, "http/", func(err error) { errs = append(errs, err) }, diskcache.Tag("http"))
		_, ok := h.Get("u")
		assert.False(t, ok)
		h.Set("u", []byte("response"))
		v, ok := h.Get("u")
		assert.True(t, ok)
		assert.Equal(t, "response", string(v))
		it, err := s.Item("http/u")
		require.NoError(t, err)
		assert.Equal(t, "http", it.Tag)
		h.Delete("u")
		h.Delete("u")
		_, ok = h.Get("u")
		assert.False(t, ok)
		assert.Empty(t, errs, "that there is none is no error")
	})
}

// What the methods cannot return is told, if somebody listens.
func TestHTTPErrors(t *testing.T) {
	s := memory.New(nil)
	require.NoError(t, s.Close())
	var errs []error
	for _, h := range []*httpcache.HTTP{httpcache.NewHTTP(s, "", func(err error) { errs = append(errs, err) }), httpcache.NewHTTP(s, "", nil)} {
		_, ok := h.Get("u")
		assert.False(t, ok)
		h.Set("u", nil)
		h.Delete("u")
	}
	require.Len(t, errs, 3)
	for _, err := range errs {
		assert.ErrorIs(t, err, diskcache.ErrClosed)
	}
}

func TestSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := memory.New(nil)
		defer s.Close()
		require.NoError(t, s.Set("other", []byte("no session")))
		ss := httpcache.NewSessions(s, "session/")
		require.NoError(t, ss.Commit("a", []byte("1"), time.Now().Add(time.Hour)))
		require.NoError(t, ss.CommitCtx(t.Context(), "b", []byte("2"), time.Now().Add(time.Minute)))
		all, err := ss.All()
		require.NoError(t, err)
		assert.Equal(t, map[string][]byte{"a": []byte("1"), "b": []byte("2")}, all)
		time.Sleep(time.Minute)
		_, found, err := ss.FindCtx(t.Context(), "b")
		require.NoError(t, err)
		assert.False(t, found, "it has expired")
		b, found, err := ss.Find("a")
		require.NoError(t, err)
		assert.True(t, found)
		assert.Equal(t, "1", string(b))
		all, err = ss.AllCtx(t.Context())
		require.NoError(t, err)
		assert.Equal(t, map[string][]byte{"a": []byte("1")}, all)
		require.NoError(t, ss.Delete("a"))
		require.NoError(t, ss.DeleteCtx(t.Context(), "a"))
		_, found, err = ss.Find("a")
		require.NoError(t, err)
		assert.False(t, found)
		assert.NoError(t, ss.Commit("late", nil, time.Now().Add(-time.Hour)))
		_, found, err = ss.Find("late")
		require.NoError(t, err)
		assert.False(t, found)
	})
}

func TestStorage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := memory.New(nil)
		require.NoError(t, s.Set("other", []byte("none of it")))
		st := httpcache.NewStorage(s, "fiber/")
		v, err := st.Get("k")
		require.NoError(t, err)
		assert.Nil(t, v)
		require.NoError(t, st.Set("k", []byte("v"), time.Minute))
		require.NoError(t, st.SetWithContext(t.Context(), "ever", []byte("v"), 0))
		require.NoError(t, st.Set("", []byte("v"), 0))
		require.NoError(t, st.Set("empty", nil, 0))
		v, err = st.GetWithContext(t.Context(), "k")
		require.NoError(t, err)
		assert.Equal(t, "v", string(v))
		time.Sleep(time.Minute)
		for key, want := range map[string]string{"k": "", "ever": "v", "": "", "empty": ""} {
			v, err = st.Get(key)
			require.NoError(t, err)
			assert.Equal(t, want, string(v), key)
		}
		require.NoError(t, st.Set("k", []byte("v"), 0))
		require.NoError(t, st.Delete("k"))
		require.NoError(t, st.DeleteWithContext(t.Context(), "k"))
		require.NoError(t, st.Set("k", []byte("v"), 0))
		require.NoError(t, st.Reset())
		for _, key := range []string{"k", "ever"} {
			v, err = st.Get(key)
			require.NoError(t, err)
			assert.Nil(t, v)
		}
		has, err := s.Has("other")
		require.NoError(t, err)
		assert.True(t, has, "Reset is of the prefix")
		require.NoError(t, httpcache.NewStorage(s, "").ResetWithContext(t.Context()))
		n, err := s.Len()
		require.NoError(t, err)
		assert.Zero(t, n)
		require.NoError(t, st.Close())
		_, err = st.Get("k")
		assert.ErrorIs(t, err, diskcache.ErrClosed)
	})
}

// A context that has ended ends the call before it does anything.
func TestContexts(t *testing.T) {
	onStores(t, func(t *testing.T, s diskcache.Store) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		ss, st := httpcache.NewSessions(s, ""), httpcache.NewStorage(s, "")
		require.NoError(t, s.Set("k", []byte("v")))
		_, _, err := ss.FindCtx(ctx, "k")
		assert.ErrorIs(t, err, context.Canceled)
		_, err = ss.AllCtx(ctx)
		assert.ErrorIs(t, err, context.Canceled)
		assert.ErrorIs(t, ss.CommitCtx(ctx, "k", nil, time.Now()), context.Canceled)
		assert.ErrorIs(t, ss.DeleteCtx(ctx, "k"), context.Canceled)
		_, err = st.GetWithContext(ctx, "k")
		assert.ErrorIs(t, err, context.Canceled)
		assert.ErrorIs(t, st.SetWithContext(ctx, "k", []byte("w"), 0), context.Canceled)
		assert.ErrorIs(t, st.DeleteWithContext(ctx, "k"), context.Canceled)
		assert.ErrorIs(t, st.ResetWithContext(ctx), context.Canceled)
		v, err := s.Get("k")
		require.NoError(t, err)
		assert.Equal(t, "v", string(v))
	})
}
