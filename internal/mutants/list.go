package main

const (
	engineTests = "./engine"
	crash       = "^TestCrash"
	model       = "^TestModel"
	damage      = "^TestDamage"
	faults      = "^TestFaults|^TestDiskFull"
	hidden      = "^TestHidden$"
	plans       = "^TestPlans"
	schedules   = "^TestSchedule"
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
	{"value file removed too early", "engine/values.go", "d.seg.Synced() > d.off {", "true {", crash, engineTests},
	{"removed file taken for an orphan", "engine/values.go", "	v.mu.Unlock()\n	if len(gone) == 0 {", "	v.dead = nil\n	v.mu.Unlock()\n	if len(gone) == 0 {", "^TestFileIsKnownUntilItIsGone$", engineTests},
	{"failed sync tried again", "segment/writer.go", "w.fail(&w.syncErr, err)", "_ = err", "^TestWriterPoison$", "./segment"},
	{"written behind a failed write", "segment/writer.go", "w.fail(&w.writeErr, err)", "_ = err", "^TestWriterFailedWrite$", "./segment"},
	{"nothing rescued", "engine/sync.go", "	for c.Next() {\n		if c.Commit().End <= seg.Synced() {", "	for c.Next() {\n		if true {", "^TestFaults$/^sync", engineTests},

	// recovery
	{"torn commit accepted in part", "segment/cursor.go", "		if err != nil || r.Seq != f.Seq {\n			return false\n		}", "		if err != nil || r.Seq != f.Seq {\n			break\n		}", crash, engineTests},
	{"unsynced commit salvaged", "segment/cursor.go", "if from >= c.synced {", "if false {", crash, engineTests},
	{"marks ignored", "segment/cursor.go", "c.stated = max(c.stated, int64(r.Hash))", "_ = r", "^TestCursor", "./segment"},
	{"tombstones not replayed", "engine/replay.go", "return r.lost(r.remove())", "return nil", crash, engineTests},
	{"moved tombstone deletes what came later", "engine/replay.go", "if since > at {", "if since > at && false {", "^TestRescuedTombstone$", engineTests},
	{"newer segments ignored", "engine/snapshot.go", "newer = append(newer, f)", "_ = newer", crash, engineTests},
	{"snapshot of longer segments", "engine/snapshot.go", "!f.missing && f.size >= g.Length", "!f.missing", "^TestDamageFiles$", engineTests},
	{"hint's checksum not verified", "codec/hint.go", "Sum(entries) != le.Uint64(b[72:])", "false", "^TestDamageFlip$", engineTests},

	// right values
	{"hash compared only", "segment/read.go", "if string(rec.Key) != key {", "if false {", model, engineTests},
	{"collisions ignored in replay", "engine/replay.go", "	if !r.doubtful() {\n		return true, nil\n	}\n	mine, err := r.Key()\n	if segment", "	if true {\n		return true, nil\n	}\n	mine, err := r.Key()\n	if segment", model, engineTests},
	{"side table not asked", "engine/read.go", "	if !ok {\n		return dst, entry, cmp.Or(lost, ErrNotFound)\n	}", "	if ok || !ok {\n		return dst, entry, cmp.Or(lost, ErrNotFound)\n	}", model, engineTests},
	{"body's checksum not verified", "codec/record.go", "if bodySum(r.Tag, r.Key, r.Value) != r.Sum {", "if false {", "^TestDamageOnDisk$", engineTests},
	{"checksum not bound to its offset", "codec/sum.go", "x := (id*placeStep + uint64(off)) ^ salt", "_ = off\n	x := (id * placeStep) ^ salt", "^TestRecordElsewhere$", "./codec"},
	{"chunks not verified", "engine/reader.go", "if xxhash.Sum64(b) != r.ref.Sums[chunk] {", "if xxhash.Sum64(b) != r.ref.Sums[chunk] && false {", "^TestDamageOnDisk$", engineTests},
	{"expiry not looked at", "engine/clock.go", "	if at == 0 {\n		return false\n	}", "	if at >= 0 {\n		return false\n	}", model, engineTests},
	{"dead revived by the clock", "engine/clock.go", "	if at <= now || c.horizon.Load().knows(at, stored) {", "	if at <= now {", "^TestDeadStayDead$", engineTests},
	{"horizon lost at close", "engine/snapshot.go", "if snap.Horizon > 0 {", "if false {", "^TestDeadStayDead$", engineTests},
	{"clock that was ahead believed", "engine/clock.go", "begin < at && begin-futureTolerance > now", "begin > at && begin-futureTolerance > now", "^TestClockAhead$", engineTests},
	{"sequence follows the clock back", "engine/clock.go", "seq := max(c.last.Load()+1, uint64(max(c.wall(), 1)))", "seq := uint64(max(c.wall(), 1))", model, engineTests},
	{"one key twice in a group", "engine/stage.go", "if s.seen.has(r.ops[i].Record.Hash >> identityShift) {", "if s.seen.has(r.ops[i].Record.Hash>>identityShift) && false {", "^TestGroupOneKey$", engineTests},

	// damage and faults
	{"closed without a sync", "engine/engine.go", "errs := []error{settled, e.sealAll()}", "errs := []error{settled}", crash, engineTests},
	{"failed replay taken for done", "engine/snapshot.go", "	if err := r.replay(x, all); err != nil {\n		return false, err\n	}", "	if err := r.replay(x, all); err != nil {\n		return true, err\n	}", "^TestDamageFlip$", engineTests},
	{"files swept while the index is rebuilt", "engine/rebuild.go", "values: &files,", "values: &e.values,", "^TestFaults$/^open_with_a_damaged_snapshot$", engineTests},
	{"orphan's failed sync tried again", "engine/history.go", "o.failed = err != nil", "o.failed = false", "^TestFaults$/^(close|open)", engineTests},
	{"failed set outlives its delete", "engine/stage.go", "&& !e.w.doubts.has(rec.Hash) {", "{", "^TestFaults$/^durable", engineTests},
	{"hint of a lost segment ignored", "engine/scratch.go", "if f.hinted {", "if f.hinted && !f.missing {", "^TestDamageFiles$", engineTests},
	{"damage in the slot hides the side table", "engine/read.go", "if same || err != nil && !segment.IsDamage(err) {", "if same || err != nil {", damage, engineTests},
	{"another's entry dropped for a damaged one", "engine/match.go", "{ return e.Place == r.place, nil }", "{ return true, nil }", "^TestDamagedTwin$", engineTests},
	{"damaged record's slot taken by another key", "engine/replay.go", "return !inSide, nil", "_ = inSide\n	return true, nil", "^TestDamageFlip$", engineTests},
	{"segment of another cache taken", "engine/scratch.go", "if h.cacheID != none && h.cacheID != e.id {", "if false {", "^TestDamageForeign$", engineTests},
	{"reservation given up counts for ever", "segment/writer.go", "w.window.Stop()", "_ = w.window", "^TestWindowFinished$", "./segment"},
	{"hints and snapshot outside the limit", "engine/room.go", "+ e.reserve.hints.Load() + e.reserve.snapshot.Load()", "", "^TestLimitHoldsAfterClose$", engineTests},
	{"unnamed value files outside the limit", "engine/recover.go", " + v.pendingBytes.Load()", "", "^TestLimitCountsFiles", engineTests},
	{"failed commit found by a rebuild", "engine/stage.go", "w.Segment.SetLength(before)", "_ = before", "^TestRebuildWithoutFailedCommit$", engineTests},
	{"place of no segment followed", "engine/match.go", "	if seg == nil {\n		return false, errNowhere\n	}\n", "", "^TestForgedSnapshot$", engineTests},
	{"full disk takes no deletes", "engine/commit.go", "e.deleteWithout(r)", "_ = r", "^TestDiskFull$", engineTests},
	{"fault of mapped memory not caught", "segment/read.go", "	r := recover()\n	if r == nil {", "	var r any\n	if r == nil {", "^TestTruncatedUnderReader", engineTests},
	{"segment cut under a hint unnoticed", "engine/scratch.go", "e.stats.corrupt.Add(1)\n			e.faults.add(\"damage found\", err)", "_ = err", damage, engineTests},

	// compaction
	{"copies hide no original that is lost with them", "engine/hidden.go", "return off < seg.Synced()", "return true", hidden, engineTests},
	{"what a lost delete uncovers is not noted", "engine/hidden.go", "	r.bare[string(key)] = b\n", "", hidden, engineTests},
	{"tombstone above what was uncovered guards one segment", "engine/stage.go", " || w.hidden.has(rec.Hash)", "", hidden, engineTests},
	{"older tombstone above what was uncovered let go", "engine/hidden.go", "rec.Flags&codec.FlagFirst != 0 && !e.w.hidden.has(rec.Hash)", "rec.Flags&codec.FlagFirst != 0", hidden, engineTests},
	{"what was uncovered is given up without a tombstone", "engine/walk.go", "	if e.w.hidden.has(he.Hash) {", "	if false {", hidden, engineTests},
	{"what was uncovered is forgotten by a snapshot", "engine/engine.go", "if complete && !e.w.hidden.any() {", "if complete {", hidden, engineTests},
	{"tombstone of another segment covers", "engine/hidden.go", "h.Stored > b.stored && (h.Flags&codec.FlagFirst == 0 || h.First == b.seg)", "h.Stored > b.stored", hidden, engineTests},
	{"drop not committed with the copies", "engine/walk.go", "append(b.ops, dropOp(w.seg, b.upTo, whole))", "append(b.ops, dropOp(w.seg, b.upTo, whole))[:len(b.ops)]", plans, engineTests},
	{"successor not on the disk before the drop", "engine/walk.go", "b.sync = b.sync || he.Off < seg.Synced() && !e.isSynced(entry)", "_ = e.isSynced", crash, engineTests},
	{"segment gone before its drop is on the disk", "engine/graves.go", "if b.by.synced() {", "if true {", schedules + "|^TestCopiesApart$", engineTests},
	{"drop of a part without the part before", "engine/reclaim.go", "b.sync = e.unsynced(s) || ", "b.sync = ", schedules + "|^TestCopiesApart$", engineTests},
	{"grave left when what it waits for is dropped", "engine/reclaim.go", "|| e.waitsFor(s)", "", "^TestGravesEnd$", engineTests},
	{"lost drop of a part believed", "engine/partdrop.go", "		first = min(first, by.first)\n	}\n	return first", "	}\n	return first", "^TestPartMayComeBack$", engineTests},
	{"Set fails for a damaged victim", "engine/victims.go", "case errors.Is(err, ErrCorrupt):", "case errors.Is(err, ErrCorrupt) && false:", "^TestDamagedVictim$", engineTests},
	{"damaged item above an older one let go", "engine/walk.go", "		return errKept\n	}\n	b.ops = append(b.ops, op)", "	}\n	b.ops = append(b.ops, op)", "^TestDamageHidesOlder$", engineTests},
	{"damaged tombstone let go", "engine/walk.go", "return errKept // its key", "return nil // its key", "^TestDamageHidesOlder$", engineTests},
	{"copies however much is there twice", "engine/crowd.go", "return limit > 0 &&", "return false &&", "^TestCopiesWithinLimit$", engineTests},
	{"more given up for what is read", "engine/reclaimloop.go", " && !e.comes(x)", "", "^TestHeldIs", engineTests},
	{"readers not awaited", "engine/makeroom.go", "if e.comes(w) &&", "if false &&", "^TestReadersAreAwaited$", engineTests},
	{"readers awaited again and again", "engine/graves.go", "return !g.vain.Load() &&", "return", "^TestReadersAreAwaited$", engineTests},
	{"empty segments stay where items are too many", "engine/reclaim.go", " || !w.emptied", "", "^TestEmptyEnds", engineTests},
	{"sweep that nobody wakes", "engine/sweep.go", "r := &request{done: make(chan struct{}, 1)}", "r := &request{}", "^TestPickIsLed$", engineTests},
	{"what moves is not swept", "engine/sweep.go", "const maxPasses = 16", "const maxPasses = 1", "^TestSweepFollowsMoves$", engineTests},
	{"graves outlive a clear", "engine/sweep.go", "	e.graves.rebury(by)\n", "", "^TestClearTakesGraves$", engineTests},
	{"tombstone let go while what it guards is there", "engine/walk.go", "(id == seg.ID || !e.knows(id))", "(id == seg.ID || e.knows(id))", plans, engineTests},
	{"tombstone that guards all let go", "engine/walk.go", "if b.oldest < rec.Stored {", "if b.oldest < rec.Stored && rec.Flags&codec.FlagFirst != 0 {", plans, engineTests},
	{"moved tombstone forgets its time", "engine/stage.go", "			rec.First = 0 // it names no segment, and is not to seem to", "			rec.First, rec.Stored = 0, seq", plans, engineTests},
	{"dropped part replayed", "engine/replay.go", "if e.Off < h.seg.Front.Load() {", "if false {", schedules, engineTests},
	{"dropped segment replayed", "engine/drop.go", "		if d.upTo < math.MaxInt64 {\n			h.drop(d.upTo)\n", "		if true {\n			h.drop(min(d.upTo, 1))\n", plans, engineTests},
	{"drop forgotten while files exist", "engine/walk.go", "		if !e.knows(he.Hash) ||", "		if e.knows(he.Hash) ||", schedules, engineTests},
	{"expired item let go above an older one", "engine/evict.go", "flags&codec.FlagReplaced != 0 && oldest < seq", "false", plans, engineTests},
	{"expired item moved on", "engine/reclaim.go", "	if e.expiredHint(s, he) {\n		return expire\n	}\n	return moves", "	return moves", "^TestPlansExpire$", engineTests},
	{"overtaken move committed", "engine/stage.go", "	if op.Strict {\n		return errStale\n	}\n	return nil", "	return nil", "^TestOvertaken", engineTests},
	{"overtaken batch committed", "engine/walk.go", "if w.next != b.begin || e.w.at(w.seg.Slot) != w.seg {", "if false {", "^TestOvertaken", engineTests},
	{"equal hashes in the side table not told", "engine/stage.go", "	rec.Flags &= codec.FlagFile | codec.FlagReplaced\n	if ref.Collides() {", "	rec.Flags &= codec.FlagFile | codec.FlagReplaced\n	if false {", plans, engineTests},
	{"equal hashes within a commit not told", "engine/stage.go", "	if ref.Collides() || again {", "	if ref.Collides() {", "^TestTwinsInOneCommit$", engineTests},
	{"moved item loses its past", "engine/stage.go", "	rec.Flags &= codec.FlagFile | codec.FlagReplaced\n	if ref", "	rec.Flags &= codec.FlagFile\n	if ref", plans, engineTests},
	{"moved item stored anew", "engine/stage.go", "	rec.Seq = seq\n	s.append(change{op: op, ref: ref, old: old, again: true})", "	rec.Seq, rec.Stored = seq, seq\n	s.append(change{op: op, ref: ref, old: old, again: true})", plans, engineTests},
	{"all of an active segment dropped", "engine/walk.go", "whole := w.closed && b.end == len(w.entries)", "whole := b.end == len(w.entries)", schedules, engineTests},
	{"drop past what was read", "engine/walk.go", "		b.upTo = he.Off + he.Size", "		b.upTo = b.w.seg.Length()", schedules, engineTests},
	{"live value file given up with its first copy", "engine/stage.go", "			c.old.file = valueFile{} // named by the copy as well", "", plans, engineTests},
	{"evicted item still in the index", "engine/stage.go", "if c.op.Record.Kind == codec.KindTombstone || c.op.Silent {", "if c.op.Record.Kind == codec.KindTombstone {", schedules, engineTests},
	{"victim deleted though it was set again", "engine/stage.go", "if op.OnlyAt != nil && (!ref", "if false && op.OnlyAt != nil && (!ref", "^TestOvertaken", engineTests},
	{"written-to segment picked", "compaction/pick.go", "if !s.Sealed || s.Bytes <= 0 {", "if s.Bytes <= 0 {", "^TestPick", "./compaction"},
	{"tombstones taken for garbage", "compaction/pick.go", "d -= s.TombBytes", "_ = d", "^TestPick|^TestEmpty", "./compaction"},
	{"expired a nanosecond late", "compaction/pick.go", "s.Latest <= now", "s.Latest < now", "^TestEmpty$", "./compaction"},
}
