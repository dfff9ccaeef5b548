;; expect: guest:trap
;; Its allocator calls the import, which the component model forbids at that moment.
(module
  ;; include prelude
  ;; include describe
  (func $realloc (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (call $log (i32.const 1) (i32.const 96) (i32.const 5))
    (i32.const 4096))
  (func (export "quarterdeck:policy/decider@0.1.0#decide") (param i32) (result i32)
    (i32.const 128)))
