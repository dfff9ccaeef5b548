;; expect: decided
;; Its allocator gives the same place each time: the guest hurts only itself.
(module
  ;; include prelude
  ;; include describe
  (func $realloc (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (i32.const 4096))
  (func (export "quarterdeck:policy/decider@0.1.0#decide") (param i32) (result i32)
    (i32.const 128)))
