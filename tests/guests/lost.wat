;; Says that it goes, and traps two calls deep; its functions have names, one of them as Rust's compiler writes it.
(module
  ;; include prelude
  ;; include allocator
  ;; include describe
  (data (i32.const 1024) "going")
  (func $_ZN7lookout6is_new17h0123456789abcdefE
    unreachable)
  (func $"a \1b[2J name" (call $_ZN7lookout6is_new17h0123456789abcdefE))
  (func (export "quarterdeck:policy/decider@0.1.0#decide") (param i32) (result i32)
    (call $log (i32.const 1) (i32.const 1024) (i32.const 5))
    (call $"a \1b[2J name")
    (i32.const 0)))
