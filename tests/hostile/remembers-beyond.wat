;; expect: decided
;; Fills 32 MiB of grown memory with its mark, after looking for it there: what is grown must be zero, whoever had it before.
(module
  ;; include prelude
  ;; include allocator
  ;; include describe
  (func (export "quarterdeck:policy/decider@0.1.0#decide") (param i32) (result i32)
    (local $at i32)
    (local.set $at (i32.const 65536))
    (drop (memory.grow (i32.const 512)))
    (loop $more
      (if (i32.load (local.get $at)) (then unreachable))
      (local.set $at (i32.add (local.get $at) (i32.const 4096)))
      (br_if $more (i32.lt_u (local.get $at) (i32.const 0x200_0000))))
    (memory.fill (i32.const 65536) (i32.const 0xa5) (i32.const 0x1ff_0000))
    (i32.const 128)))
