;; expect: guest:output-limit
;; A thousand proposals share one key of 1 MiB: 80 KiB in the guest, 1 GiB in a host that copies.
(module
  ;; include prelude
  ;; include allocator
  ;; include describe
  (func (export "quarterdeck:policy/decider@0.1.0#decide") (param i32) (result i32)
    (local $i i32) (local $at i32)
    (drop (memory.grow (i32.const 40)))
    (local.set $at (i32.const 8192))
    (loop $next
      (i32.store (local.get $at) (i32.const 1048576))
      (i32.store offset=4 (local.get $at) (i32.const 1048576))
      (local.set $at (i32.add (local.get $at) (i32.const 80)))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $i) (i32.const 1000))))
    (i32.store (i32.const 136) (i32.const 8192))
    (i32.store (i32.const 140) (i32.const 1000))
    (i32.const 128)))
