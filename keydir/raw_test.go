package keydir
import ("testing";"sync/atomic")
func BenchmarkRaw(b *testing.B) {
	var m memory
	bs := m.alloc(1600000)
	for i := range bs { bs[i][0]=1 }
	b.Run("two", func(b *testing.B){
	var s uint64
	for i := range uint64(b.N) {
		h := mix64(i+s&1)
		s += atomic.LoadUint64(&bs[h%1600000][0])
		s += atomic.LoadUint64(&bs[(h>>20)%1600000][0])
	}
	sink = s})
	b.Run("twodep", func(b *testing.B){
	var s uint64
	for i := range uint64(b.N) {
		h := mix64(i+s)
		a := atomic.LoadUint64(&bs[h%1600000][0])
		c := atomic.LoadUint64(&bs[(h>>20)%1600000][0])
		s += a+c
	}
	sink = s})
	m.close()
}
var sink uint64
