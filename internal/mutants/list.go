package main

const (
	engineTests = "./engine"
	crash       = "^TestCrash"
	model       = "^TestModel"
	damage      = "^TestDamage"
	faults      = "^TestFaults|^TestDiskFull"
)

// mutants are the defects, by what they break.
var mutants = []mutant{
	// durability
	{"ack before sync", "engine/stage.go", "if s.e.opt.Sync == SyncAlways {", "if false {", crash, engineTests},
	{"new segment's name not synced", "segment/writer.go", `err = w.fsys.SyncDir(".")`, `err = nil`, crash, engineTests},
	{"hint before sync", "segment/writer.go", "	if err := w.Sync(); err != nil {\n		w.Finish()", "	if err := w.SyncErr(); err != nil {\n		w.Finish()", crash, engineTests},
	{"orphan sealed without sync", "engine/history.go", "err = f.Sync()", "err = nil", crash, engineTests},
	{"value file not synced", "engine/values.go", "return f.Sync()", "return nil", crash, engineTests},
	{"value file's name not synced", "engine/values.go", "if err = v.e.fsys.SyncDir(codec.ValuesDir); err == nil {", "if err == nil {", crash, engineTests},
	{"value file removed too early", "engine/values.go", "if d.seg.Synced() > d.off {", "if true {", crash, engineTests},
	{"failed sync tried again", "segment/writer.go", "w.fail(&w.syncErr, err)", "_ = err", "^TestWriterPoison$", "./segment"},
	{"written behind a failed write", "segment/writer.go", "w.fail(&w.writeErr, err)", "_ = err", "^TestWriterFailedWrite$", "./segment"},
	{"nothing rescued", "engine/sync.go", "	for c.Next() {\n		if c.Commit().End <= seg.Synced() {", "	for c.Next() {\n		if true {", faults, engineTests},

	// recovery
	{"torn commit accepted in part", "segment/cursor.go", "		if err != nil || r.Seq != f.Seq {\n			return false\n		}", "		if err != nil || r.Seq != f.Seq {\n			break\n		}", crash, engineTests},
	{"unsynced commit salvaged", "segment/cursor.go", "if from >= c.synced {", "if false {", crash, engineTests},
	{"marks ignored", "segment/cursor.go", "c.synced = max(c.synced, int64(r.Hash))", "_ = r", "^TestCursor", "./segment"},
	{"tombstones not replayed", "engine/replay.go", "return r.lost(r.remove())", "return nil", crash, engineTests},
	{"oldest commit wins", "engine/history.go", "return q[i].entries[q[i].next].Seq < q[j].entries[q[j].next].Seq", "return q[i].entries[q[i].next].Seq > q[j].entries[q[j].next].Seq", model, engineTests},
	{"newer segments ignored", "engine/snapshot.go", "newer = append(newer, f)", "_ = newer", crash, engineTests},
	{"snapshot of longer segments", "engine/snapshot.go", "!f.missing && f.size >= g.Length", "!f.missing", damage, engineTests},
	{"hint's checksum not verified", "codec/hint.go", "Sum(entries) != le.Uint64(b[72:])", "false", "^TestHint|^TestDamage", "./codec"},

	// right values
	{"hash compared only", "segment/read.go", "if string(rec.Key) != key {", "if false {", model, engineTests},
	{"collisions ignored in replay", "engine/replay.go", "	if !r.doubtful() {\n		return true, nil\n	}\n	mine, err := r.Key()\n	if err != nil {\n		return false, err // a key", "	if true {\n		return true, nil\n	}\n	mine, err := r.Key()\n	if err != nil {\n		return false, err // a key", model, engineTests},
	{"side table not asked", "engine/read.go", "	if !ok {\n		return dst, entry, ErrNotFound\n	}", "	if ok || !ok {\n		return dst, entry, ErrNotFound\n	}", model, engineTests},
	{"body's checksum not verified", "codec/record.go", "if bodySum(r.Tag, r.Key, r.Value) != r.Sum {", "if false {", damage, engineTests},
	{"checksum not bound to its offset", "codec/sum.go", "x := (id*placeStep + uint64(off)) ^ salt", "_ = off\n	x := (id * placeStep) ^ salt", "^TestRecordElsewhere$", "./codec"},
	{"chunks not verified", "engine/reader.go", "if xxhash.Sum64(b) != r.ref.Sums[chunk] {", "if false {", damage, engineTests},
	{"expiry not looked at", "engine/clock.go", "	if at == 0 {\n		return false\n	}", "	if at >= 0 {\n		return false\n	}", model, engineTests},
	{"dead revived by the clock", "engine/clock.go", "if c.horizon.Load() >= at {", "if false {", model, engineTests},
	{"sequence follows the clock back", "engine/clock.go", "seq := max(c.last.Load()+1, uint64(max(c.wall(), 1)))", "seq := uint64(max(c.wall(), 1))", model, engineTests},
	{"one key twice in a group", "engine/stage.go", "if s.seen.has(r.ops[i].Record.Hash >> identityShift) {", "if false {", "^TestConcurrent", engineTests},
}
