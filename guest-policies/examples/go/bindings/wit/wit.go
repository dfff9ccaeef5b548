// Package wit has the option and the result of the contract's language.
package wit

// The tags that the generated code compares.
const (
	OptionNone uint8 = 0
	OptionSome uint8 = 1
	ResultOk   uint8 = 0
	ResultErr  uint8 = 1
)

// Option is a value or nothing; the zero value is nothing.
type Option[T any] struct {
	tag   uint8
	value T
}

func None[T any]() Option[T]        { return Option[T]{} }
func Some[T any](value T) Option[T] { return Option[T]{OptionSome, value} }

func (o Option[T]) Tag() uint8   { return o.tag }
func (o Option[T]) IsSome() bool { return o.tag == OptionSome }
func (o Option[T]) IsNone() bool { return o.tag == OptionNone }

// Some gives back the value, or T's zero value where there is none.
func (o Option[T]) Some() T { return o.value }

// Result is what a function gives back that may fail.
type Result[T, E any] struct {
	tag uint8
	ok  T
	err E
}

func Ok[T, E any](ok T) Result[T, E]   { return Result[T, E]{tag: ResultOk, ok: ok} }
func Err[T, E any](err E) Result[T, E] { return Result[T, E]{tag: ResultErr, err: err} }

func (r Result[T, E]) Tag() uint8  { return r.tag }
func (r Result[T, E]) IsOk() bool  { return r.tag == ResultOk }
func (r Result[T, E]) IsErr() bool { return r.tag == ResultErr }
func (r Result[T, E]) Ok() T       { return r.ok }
func (r Result[T, E]) Err() E      { return r.err }
