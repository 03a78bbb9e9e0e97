package codec

// Settings, what a directory is to be opened with (offsets in bytes, little endian):
//
//	 0  magic          8 bytes
//	 8  version        u32
//	12  headerLen      u32  104
//	16  zero           16 bytes
//	32  generation     u64
//	40  sizeLimit      i64
//	48  countLimit     i64
//	56  minFreeSpace   i64
//	64  cullLimit      i64
//	72  fileThreshold  i64
//	80  policy         u32
//	84  compression    u32
//	88  zero           u64
//	96  sum            u64  over bytes 0 to 96
//
// The file has room for two, SettingsStride apart. One is written to the place of its generation,
// odd or even: the one before is whole meanwhile.

const (
	settingsMagic = "\x89DCSET\r\n"

	// SettingsLen is the length of settings.
	SettingsLen = 104

	// SettingsStride is how far the two places are apart.
	SettingsStride = 512
)

// Settings are what a directory is to be opened with.
type Settings struct {
	Generation    uint64 // one more each time that they are written
	SizeLimit     int64
	CountLimit    int64
	MinFreeSpace  int64
	CullLimit     int64
	FileThreshold int64
	Policy        uint32
	Compression   uint32
}

// AppendSettings appends s.
func AppendSettings(dst []byte, s *Settings) []byte {
	at := len(dst)
	dst = appendHeader(dst, settingsMagic, SettingsLen, [16]byte{})
	dst = le.AppendUint64(dst, s.Generation)
	for _, n := range []int64{s.SizeLimit, s.CountLimit, s.MinFreeSpace, s.CullLimit, s.FileThreshold} {
		dst = le.AppendUint64(dst, uint64(n))
	}
	dst = le.AppendUint32(dst, s.Policy)
	dst = le.AppendUint32(dst, s.Compression)
	dst = le.AppendUint64(dst, 0)
	return appendHeaderSum(dst, at)
}

// ParseSettings verifies the settings at the beginning of b.
func ParseSettings(b []byte) (Settings, error) {
	if err := checkHeader(b, settingsMagic, SettingsLen); err != nil {
		return Settings{}, err
	}
	if [16]byte(b[cacheIDAt:]) != [16]byte{} || le.Uint64(b[88:]) != 0 {
		return Settings{}, ErrLength
	}
	i64 := func(at int) int64 { return int64(le.Uint64(b[at:])) }
	return Settings{
		Generation: le.Uint64(b[32:]),
		SizeLimit:  i64(40), CountLimit: i64(48), MinFreeSpace: i64(56), CullLimit: i64(64), FileThreshold: i64(72),
		Policy: le.Uint32(b[80:]), Compression: le.Uint32(b[84:]),
	}, nil
}
