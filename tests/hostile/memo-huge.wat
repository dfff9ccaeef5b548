;; expect: guest:malformed
;; A memo of 1 MiB: the host can copy it, and the contract says 64 KiB.
(module
  ;; include prelude
  ;; include allocator
  ;; include describe
  (func (export "quarterdeck:policy/decider@0.1.0#decide") (param i32) (result i32)
    (drop (memory.grow (i32.const 17)))
    (i32.store8 (i32.const 152) (i32.const 1))
    (i32.store (i32.const 156) (i32.const 4096))
    (i32.store (i32.const 160) (i32.const 1048576))
    (i32.const 128)))
