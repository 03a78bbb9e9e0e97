package fanout

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

// TestMain runs the tests, or what one of them wants done in another process.
func TestMain(m *testing.M) {
	if dir := os.Getenv(childEnv); dir != "" {
		os.Exit(runChild(dir))
	}
	goleak.VerifyTestMain(m)
}
