package recipe

import (
	"errors"
	"fmt"
)

// Errors to be matched with errors.Is.
var (
	// ErrNotHeld: what is to be released is not held: it was released before, or lost.
	ErrNotHeld = errors.New("recipe: it is not held")
	// ErrLost: the lease was over before it was renewed. It matches ErrNotHeld.
	ErrLost = fmt.Errorf("%w: the lease was lost", ErrNotHeld)
	// ErrHeld: somebody else holds it.
	ErrHeld = errors.New("recipe: somebody else holds it")
	// ErrForeign: the key has a value that no recipe of this kind has stored. It was kept.
	ErrForeign = errors.New("recipe: the value is none of this recipe")
)
