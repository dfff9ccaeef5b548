;; expect: host:stack
;; The same inside the allocator, while the host lowers the situation.
(module
  ;; include prelude
  ;; include describe
  (func $realloc (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (i32.add (i32.const 1) (call $realloc (local.get 0) (local.get 1) (local.get 2) (local.get 3))))
  (func (export "quarterdeck:policy/decider@0.1.0#decide") (param i32) (result i32)
    (i32.const 128)))
