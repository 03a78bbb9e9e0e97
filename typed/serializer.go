package typed

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"fmt"

	"github.com/fxamacker/cbor/v2"
)

// A Serializer turns values into bytes and back. It is used by many goroutines at once.
type Serializer[V any] interface {
	// Marshal returns the bytes of v. They are the caller's.
	Marshal(v V) ([]byte, error)
	// Unmarshal returns the value of data, which it may keep.
	Unmarshal(data []byte) (V, error)
}

// funcs is a Serializer of two functions.
type funcs[V any] struct {
	marshal   func(V) ([]byte, error)
	unmarshal func([]byte) (V, error)
}

func (f funcs[V]) Marshal(v V) ([]byte, error)      { return f.marshal(v) }
func (f funcs[V]) Unmarshal(data []byte) (V, error) { return f.unmarshal(data) }

// Raw stores bytes as they are.
func Raw() Serializer[[]byte] {
	return funcs[[]byte]{
		func(v []byte) ([]byte, error) { return bytes.Clone(v), nil },
		func(data []byte) ([]byte, error) { return data, nil },
	}
}

// String stores the bytes of a string.
func String() Serializer[string] {
	return funcs[string]{
		func(v string) ([]byte, error) { return []byte(v), nil },
		func(data []byte) (string, error) { return string(data), nil },
	}
}

// JSON stores values as encoding/json has them. What follows a value is an error.
func JSON[V any]() Serializer[V] {
	return funcs[V]{
		func(v V) ([]byte, error) { return json.Marshal(v) },
		func(data []byte) (v V, err error) { return v, json.Unmarshal(data, &v) },
	}
}

// Gob stores values as encoding/gob has them, each with a description of its type.
func Gob[V any]() Serializer[V] {
	return funcs[V]{
		func(v V) ([]byte, error) {
			var b bytes.Buffer
			err := gob.NewEncoder(&b).Encode(&v)
			return b.Bytes(), err
		},
		func(data []byte) (v V, err error) {
			r := bytes.NewReader(data)
			if err = gob.NewDecoder(r).Decode(&v); err == nil && r.Len() > 0 {
				err = fmt.Errorf("%d bytes follow the value", r.Len())
			}
			return v, err
		},
	}
}

// CBOR stores values as CBOR (RFC 8949): as JSON, smaller and faster. Equal values have equal
// bytes (core deterministic encoding), times have their nanoseconds. Keys of maps that come
// twice are an error.
func CBOR[V any]() Serializer[V] {
	return funcs[V]{
		func(v V) ([]byte, error) { return cborEncode.Marshal(v) },
		func(data []byte) (v V, err error) { return v, cborDecode.Unmarshal(data, &v) },
	}
}

var cborEncode, cborDecode = cborModes()

func cborModes() (cbor.EncMode, cbor.DecMode) {
	enc := cbor.CoreDetEncOptions()
	enc.Time = cbor.TimeRFC3339Nano
	e, err := enc.EncMode()
	if err != nil {
		panic(err) // the options do not fit one another
	}
	d, err := cbor.DecOptions{DupMapKey: cbor.DupMapKeyEnforcedAPF}.DecMode()
	if err != nil {
		panic(err)
	}
	return e, d
}
