package diskcache

import "github.com/go-diskcache/diskcache/engine"

// On returns the options with disks in place of directories.
func (o Options) On(disk func(dir string) engine.FS) Options {
	o.disk = disk
	return o
}
