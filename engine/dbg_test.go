package engine
import ("testing";"github.com/stretchr/testify/require";"log/slog";"runtime/debug";"context")
type h struct{slog.Handler}
func (h) Enabled(context.Context, slog.Level) bool {return true}
func (h) Handle(_ context.Context, r slog.Record) error { if r.Message=="record lost" {println(r.Message); debug.PrintStack()}; return nil }
func TestDbg(t *testing.T){
	d := newDamageDir(t)
	m := d.withoutSnapshot()
	var bad string
	for name := range d.files { if isSegment(name) && !d.hinted[name] && len(d.files[name])>4000 { bad=name }}
	for name := range d.files { if isSegment(name) && d.hinted[name] && name > bad {
		d.swap(bad,name).do(m)
	o :=damageOptions(damageNow)
	o.Log = slog.New(h{slog.DiscardHandler})
	e, err := Open(m, o)
	require.NoError(t, err)
	require.NoError(t, kill(e))
	}}
}
