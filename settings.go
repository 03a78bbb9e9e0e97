package diskcache

import (
	"github.com/go-diskcache/diskcache/engine"
)

// Settings are those of the Options that belong to a directory. It keeps them from one Open
// to the next: an option that is given is stored, one that is not is as it is stored, and the
// default where nothing is. All who have the directory open go by the same.
type Settings struct {
	SizeLimit     int64       // as in Options; 0: no limit
	CountLimit    int64       // 0: no limit
	MinFreeSpace  int64       // bytes; 0: none
	Policy        Policy      // in force from when the directory is opened while nobody has it open
	CullLimit     int         // 0: as many as it takes; -1: none
	FileThreshold int64       // bytes; -1: never
	Compression   Compression // of values stored from now on
}

// Settings returns the settings of the directory as they are now.
func (c *Cache) Settings() (Settings, error) {
	s, err := c.e.Load().Settings()
	return settingsOf(&s), err
}

// Configure has fn change the settings of the directory, and stores them. No other change of
// them, by any process, comes between what fn is given and what it leaves. Other processes that
// have the directory open take them over: with their next write or, if they are idle, within a
// twentieth of a second; on a network disk within a second.
//
// What is beyond a limit that was lowered goes with the writes to come, in the background, or by
// Cull. A SizeLimit far beyond that with which the index was made, 128 GiB or four times less
// than it has room for, takes an Open while nobody has the directory open: ErrOption. A
// FileThreshold that is raised while the directory is open is cut to what its segments have room
// for until it is opened anew. Other errors are those of Update, and ErrOption for what Open would
// refuse; nothing is changed then. fn is not to use the Cache.
func (c *Cache) Configure(fn func(*Settings)) error {
	return c.e.Load().Configure(func(s *engine.Settings) {
		mine := settingsOf(s)
		fn(&mine)
		*s = mine.engine()
	})
}

func settingsOf(s *engine.Settings) Settings {
	return Settings{
		SizeLimit: s.SizeLimit, CountLimit: s.CountLimit, MinFreeSpace: s.MinFreeSpace, Policy: Policy(s.Policy),
		CullLimit: s.CullLimit, FileThreshold: s.FileThreshold, Compression: Compression(s.Compression),
	}
}

func (s *Settings) engine() engine.Settings {
	return engine.Settings{
		SizeLimit: s.SizeLimit, CountLimit: s.CountLimit, MinFreeSpace: s.MinFreeSpace, Policy: engine.Policy(clamp(int(s.Policy))),
		CullLimit: s.CullLimit, FileThreshold: s.FileThreshold, Compression: engine.Compression(clamp(int(s.Compression))),
	}
}

// settings returns the settings among options.
func (o *Options) settings() Settings {
	return Settings{
		SizeLimit: o.SizeLimit, CountLimit: o.CountLimit, MinFreeSpace: o.MinFreeSpace, Policy: o.Policy,
		CullLimit: o.CullLimit, FileThreshold: o.FileThreshold, Compression: o.Compression,
	}
}
