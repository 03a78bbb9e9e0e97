// Package httpcache gives a diskcache.Store the methods that Go's libraries expect of a storage,
// without importing them: HTTP for caches of responses (those with the Cache interface of
// github.com/gregjones/httpcache), Sessions for github.com/alexedwards/scs/v2, and Storage for
// github.com/gofiber/fiber, versions 2 and 3. Each has a prefix of its own keys, so that they can
// share a store. Their methods may be called by any number of goroutines at once.
package httpcache
