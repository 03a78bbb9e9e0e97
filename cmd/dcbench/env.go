package main

import (
	"fmt"
	"runtime"
)

// environment is where the figures come from.
type environment struct {
	GoVersion string `json:"go_version"`
	OS        string `json:"os"`
	Arch      string `json:"arch"`
	CPUs      int    `json:"cpus"`
}

func thisEnvironment() environment {
	return environment{runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU()}
}

func (e environment) String() string {
	return fmt.Sprintf("%s %s/%s, %d CPUs", e.GoVersion, e.OS, e.Arch, e.CPUs)
}
