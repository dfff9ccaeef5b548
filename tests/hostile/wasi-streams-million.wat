;; expect: guest:memory-limit
;; Asks for its standard output again and again, and keeps what it gets.
;; world wasi
(module
  (import "wasi:cli/stdout@0.2.6" "get-stdout" (func $stdout (result i32)))
  ;; include prelude
  ;; include allocator
  ;; include describe
  (func (export "quarterdeck:policy/decider@0.1.0#decide") (param i32) (result i32)
    (loop $more (drop (call $stdout)) (br $more))
    unreachable))
