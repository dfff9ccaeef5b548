;; expect: guest:out-of-fuel
;; Its allocator never comes back.
(module
  ;; include prelude
  ;; include describe
  (func $realloc (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (loop $forever (br $forever)) unreachable)
  (func (export "quarterdeck:policy/decider@0.1.0#decide") (param i32) (result i32)
    (i32.const 128)))
