package vfs_test
import ("testing";"time";"fmt";"github.com/go-diskcache/diskcache/vfs")
func TestZZ(t *testing.T) {
	m := vfs.NewMem()
	f, _ := m.Create("f")
	for i := range 5000 { f.WriteAt(make([]byte, 300), int64(i*300)) }
	b := time.Now()
	n := m.Crashes(vfs.CrashOptions{Stride: 10, PerPoint: 50}, func(*vfs.Mem, vfs.CrashPoint) bool { return true })
	fmt.Println(n, time.Since(b), time.Since(b)/time.Duration(n))
}
