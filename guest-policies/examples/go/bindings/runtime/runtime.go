// Package runtime is what the generated code needs of a Go runtime library: memory that the host writes a situation into.
//
// An instance serves one call, so memory only goes up: the strings of a situation are many and small, and to make each
// of them by itself would cost as much as all that is decided about them. A string that is lifted keeps its chunk alive.
package runtime

import (
	"runtime"
	"unsafe"
)

// Memory is taken in chunks of 64 KiB, counted in words: every block is then aligned to 8, the most that the canonical
// ABI asks for.
const chunkWords = 8 << 10

var (
	chunk []uint64
	// Keeps the chunks until the generated code has made Go values of what lies in them.
	held [][]uint64
)

func take(size uintptr) unsafe.Pointer {
	words := int((size + 7) / 8)
	if words == 0 {
		words = 1
	}
	if words > len(chunk) {
		chunk = make([]uint64, max(words, chunkWords))
		held = append(held, chunk)
	}
	at := unsafe.Pointer(&chunk[0])
	chunk = chunk[words:]
	return at
}

// Allocate makes room for what the generated code hands to the host.
func Allocate(_ *runtime.Pinner, size, _ uintptr) unsafe.Pointer { return take(size) }

// Unpin is called once everything that the host wrote has become Go values; what is still held lives as long as we do.
func Unpin() {}

//go:wasmexport cabi_realloc
func cabiRealloc(old unsafe.Pointer, oldSize, align, newSize uint32) unsafe.Pointer {
	if newSize == 0 {
		return unsafe.Pointer(uintptr(align))
	}
	at := take(uintptr(newSize))
	if oldSize > 0 {
		copy(unsafe.Slice((*byte)(at), newSize), unsafe.Slice((*byte)(old), min(oldSize, newSize)))
	}
	return at
}
