package storetest

import (
	"math"
	"strconv"

	"github.com/go-diskcache/diskcache"
	"github.com/stretchr/testify/require"
)

var numberCases = []testCase{
	{"Incr", incr},
	{"Incr/Keeps", incrKeeps},
	{"Incr/Overflow", incrOverflow},
	{"Incr/NotANumber", notANumber},
	{"IncrFloat", incrFloat},
}

func incr(e *env) {
	e.transact(func(o diskcache.Ops) {
		for _, step := range []struct {
			do    func(string, int64, ...diskcache.SetOption) (int64, error)
			delta int64
			want  int64
		}{{o.Incr, 5, 5}, {o.Incr, -7, -2}, {o.Decr, 3, -5}, {o.Decr, -10, 5}, {o.Incr, 0, 5}} {
			n, err := step.do("n", step.delta)
			require.NoError(e, err)
			require.Equal(e, step.want, n)
			e.is(o, "n", strconv.FormatInt(step.want, 10))
		}
		n, err := o.Decr("down", 3)
		require.NoError(e, err)
		require.EqualValues(e, -3, n)
		require.NoError(e, o.Set("n", []byte("41")))
		n, err = o.Incr("n", 1)
		require.NoError(e, err)
		require.EqualValues(e, 42, n)
	})
}

// incrKeeps: options are of a number that is new.
func incrKeeps(e *env) {
	e.transact(func(o diskcache.Ops) {
		_, err := o.Incr("n", 1, diskcache.TTL(hour), diskcache.Tag("t"), diskcache.Kind(4))
		require.NoError(e, err)
		was := e.item(o, "n")
		require.Equal(e, "t", was.Tag)
		require.EqualValues(e, 4, was.Kind)
		require.True(e, was.Expires.Equal(e.clock.Now().Add(hour)))
		_, err = o.Incr("n", 1, diskcache.TTL(9*hour), diskcache.Tag("other"), diskcache.Kind(5))
		require.NoError(e, err)
		_, err = o.IncrFloat("n", 1, diskcache.Tag("other"))
		require.NoError(e, err)
		is := e.item(o, "n")
		require.Equal(e, "3", string(is.Value))
		require.Equal(e, "t", is.Tag)
		require.EqualValues(e, 4, is.Kind)
		require.True(e, is.Expires.Equal(was.Expires))
		require.True(e, is.Created.Equal(was.Created))
	})
}

func incrOverflow(e *env) {
	e.transact(func(o diskcache.Ops) {
		fails := func(value string, delta int64, do func(string, int64, ...diskcache.SetOption) (int64, error)) {
			e.Helper()
			require.NoError(e, o.Set("n", []byte(value), diskcache.Tag("t")))
			_, err := do("n", delta)
			require.ErrorIs(e, err, diskcache.ErrOverflow)
			e.is(o, "n", value)
			require.Equal(e, "t", e.item(o, "n").Tag)
		}
		most, least := strconv.FormatInt(math.MaxInt64, 10), strconv.FormatInt(math.MinInt64, 10)
		fails(most, 1, o.Incr)
		fails(most, -1, o.Decr)
		fails(least, -1, o.Incr)
		fails(least, 1, o.Decr)
		fails("0", math.MinInt64, o.Decr)
		fails(most, math.MaxInt64, o.Incr)
		require.NoError(e, o.Set("n", []byte("-1")))
		n, err := o.Decr("n", math.MinInt64)
		require.NoError(e, err)
		require.EqualValues(e, int64(math.MaxInt64), n)
		require.NoError(e, o.Set("n", []byte(least)))
		n, err = o.Incr("n", math.MaxInt64)
		require.NoError(e, err)
		require.EqualValues(e, -1, n)
	})
}

func notANumber(e *env) {
	e.transact(func(o diskcache.Ops) {
		for _, v := range []string{"", " ", "x", "1x", " 1", "0x10", "1_000", "1e3", "1.5", "--1", "1 "} {
			require.NoError(e, o.Set("n", []byte(v), diskcache.Tag("t")))
			_, err := o.Incr("n", 1)
			require.ErrorIs(e, err, diskcache.ErrNotNumber, "%q", v)
			e.is(o, "n", v)
			require.Equal(e, "t", e.item(o, "n").Tag)
		}
		for _, v := range []string{"", "x", "1,5", "1.5 ", "nan", "inf", "-Inf"} {
			require.NoError(e, o.Set("n", []byte(v)))
			_, err := o.IncrFloat("n", 1)
			require.ErrorIs(e, err, diskcache.ErrNotNumber, "%q", v)
			e.is(o, "n", v)
		}
	})
}

func incrFloat(e *env) {
	e.transact(func(o diskcache.Ops) {
		add := func(delta, want float64, text string) {
			e.Helper()
			f, err := o.IncrFloat("f", delta)
			require.NoError(e, err)
			require.Equal(e, want, f)
			e.is(o, "f", text)
		}
		add(0.1, 0.1, "0.1")
		add(0.2, 0.1+f(0.2), strconv.FormatFloat(0.1+f(0.2), 'g', -1, 64))
		require.NoError(e, o.Set("f", []byte("40")))
		add(2, 42, "42")
		add(0.5, 42.5, "42.5")
		_, err := o.Incr("f", 1)
		require.ErrorIs(e, err, diskcache.ErrNotNumber)
		require.NoError(e, o.Set("f", []byte("1e308")))
		_, err = o.IncrFloat("f", 1e308)
		require.ErrorIs(e, err, diskcache.ErrOverflow)
		e.is(o, "f", "1e308")
		for _, delta := range []float64{math.Inf(1), math.Inf(-1), math.NaN()} {
			_, err = o.IncrFloat("f", delta)
			require.ErrorIs(e, err, diskcache.ErrOverflow)
		}
		e.is(o, "f", "1e308")
	})
}

// f keeps the compiler from adding exactly.
func f(x float64) float64 { return x }
