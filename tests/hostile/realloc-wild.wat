;; expect: guest:malformed
;; Its allocator gives the host a pointer beyond the memory to write to.
(module
  ;; include prelude
  ;; include describe
  (func $realloc (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (i32.const 0x7ffff000))
  (func (export "quarterdeck:policy/decider@0.1.0#decide") (param i32) (result i32)
    (i32.const 128)))
