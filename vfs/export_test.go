package vfs

// OpenToWrite opens a file that is there for reading and writing, as who overwrites
// a file in place does.
func (p *HostProcess) OpenToWrite(name string) (f File, err error) {
	err = p.do("open", name, func() error {
		f, err = p.open(name, true)
		return err
	})
	return f, err
}
