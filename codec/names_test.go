package codec

import (
	"math"
	"path"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestNames(t *testing.T) {
	require.Equal(t, "000000000000002a.seg", SegmentName(42))
	require.Equal(t, "ffffffffffffffff.hint", HintName(math.MaxUint64))
	require.Equal(t, "values/0000000000000000.val", ValueName(0))
	require.Equal(t, "leases/0102000000000003.lease", LeaseName(LeaseID(0x102, 3)))
	lock, n := SplitLeaseID(LeaseID(0x102, 3))
	require.Equal(t, []uint64{0x102, 3}, []uint64{uint64(lock), n})
	require.Equal(t, "values/0000000000000007.val.00000000000000ff.tmp", TempName(ValueName(7), 255))
	require.Equal(t, "diskcache.snap.0000000000000001.tmp", TempName(SnapshotName, 1))
}

func TestParseName(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		id, nonce := rapid.Uint64().Draw(t, "id"), rapid.Uint64().Draw(t, "nonce")
		for name, want := range map[string]NameKind{
			SegmentName(id): NameSegment, HintName(id): NameHint, ValueName(id): NameValue,
			LeaseName(id): NameLease, BeatName(id): NameBeat, TextName(uint16(id)): NameText,
			LockName: NameLock, StateName: NameState, SnapshotName: NameSnapshot, SettingsName: NameSettings,
		} {
			kind, got, ok := ParseName(path.Base(name))
			require.True(t, ok)
			require.Equal(t, want, kind)
			if want <= NameBeat {
				require.Equal(t, id, got)
			}
			kind, got, ok = ParseName(path.Base(TempName(name, nonce)))
			require.True(t, ok)
			require.Equal(t, NameTemp, kind)
			require.Equal(t, nonce, got)
		}
	})
}

func TestForeignNames(t *testing.T) {
	const id = "000000000000002a"
	for _, name := range []string{
		"", ".", "..", "seg", ".seg", ".tmp", ValuesDir, "README", "diskcache", "DISKCACHE.LOCK", "diskcache.lock ",
		id, id + ".", id + ".SEG", id + ".seg ", id + ".seg.bak", " " + id + ".seg", id + ".segm", id + "seg",
		"2a.seg", "0" + id + ".seg", "000000000000002A.seg", "000000000000002g.seg", "+00000000000002a.seg",
		"-00000000000002a.seg", "00000000_000002a.seg", "0x0000000000002a.seg", "000000000000002\x00.seg",
		"../" + id + ".seg", ValuesDir + "/" + id + ".val", id + ".val/x",
		id + ".tmp", "." + id + ".tmp", "x." + id + ".tmp", id + ".seg.tmp", id + ".seg." + id, id + ".seg-" + id + ".tmp",
		id + ".seg." + id + ".tmp." + id + ".tmp", id + ".seg." + id + ".tmp.tmp", id + ".seg.2a.tmp",
	} {
		_, _, ok := ParseName(name)
		require.False(t, ok, "%q", name)
	}
}
