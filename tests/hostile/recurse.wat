;; expect: host:stack
;; Calls itself for ever: the native stack ends first, and how soon depends on the compiler.
(module
  ;; include prelude
  ;; include allocator
  ;; include describe
  (func $deeper (param i32) (result i32)
    (i32.add (i32.const 1) (call $deeper (i32.add (local.get 0) (i32.const 1)))))
  (func (export "quarterdeck:policy/decider@0.1.0#decide") (param i32) (result i32)
    (call $deeper (i32.const 0))))
