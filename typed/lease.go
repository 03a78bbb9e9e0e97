package typed

import (
	"context"
	"crypto/rand"

	"github.com/go-diskcache/diskcache"
)

// runLeased calls load while no other process does so, if there is to be a lease.
func (l *loading[K, V]) runLeased(ctx context.Context, refresh bool) (v V, err error) {
	if l.o.Lease <= 0 {
		return l.call(ctx)
	}
	token := rand.Text()
	for {
		ok, err := l.s.s.Add(auxLease+l.name, []byte(token), diskcache.TTL(l.o.Lease))
		if err != nil {
			return v, err
		}
		if ok {
			return l.callLeased(ctx, token)
		}
		if refresh { // who has it refreshes
			return v, errElsewhere
		}
		if err := l.awaitLease(ctx); err != nil {
			return v, err
		}
		if v, _, _, err := l.look(); !isMiss(err) || err == ErrMissing {
			return v, err
		}
	}
}

// awaitLease waits until the lease of the key is another, or none.
func (l *loading[K, V]) awaitLease(ctx context.Context) error {
	it, err := l.s.s.Item(auxLease + l.name)
	if err != nil {
		if isMiss(err) {
			return nil
		}
		return err
	}
	return l.s.s.Wait(ctx, auxLease+l.name, it.Version)
}

// callLeased calls load while this process has the lease, and gives it up.
func (l *loading[K, V]) callLeased(ctx context.Context, token string) (v V, err error) {
	defer func() {
		if failed := l.giveUp(token); failed != nil && err == nil {
			err = failed
		}
	}()
	// Another may have loaded it between the first look and the lease.
	v, _, version, err := l.look()
	if err == nil && version != l.seen || err == ErrMissing || err != nil && !isMiss(err) {
		return v, err
	}
	return l.call(ctx)
}

// giveUp removes the lease, if it is still this one.
func (l *loading[K, V]) giveUp(token string) error {
	return diskcache.Transact(context.Background(), l.s.s, func(tx diskcache.Txn) error {
		held, err := tx.Get(auxLease + l.name)
		switch {
		case isMiss(err) || err == nil && string(held) != token:
			return nil // it was over
		case err != nil:
			return err
		}
		_, err = tx.Delete(auxLease + l.name)
		return err
	})
}
