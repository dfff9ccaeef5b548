;; expect: guest:error
;; Says random bytes of all three sources as its error: twice the same, by the situation.
;; world wasi
(module
  (import "wasi:random/random@0.2.6" "get-random-u64" (func $u64 (result i64)))
  (import "wasi:random/insecure@0.2.6" "get-insecure-random-u64" (func $insecure (result i64)))
  (import "wasi:random/insecure-seed@0.2.6" "insecure-seed" (func $seed (param i32)))
  ;; include prelude
  ;; include allocator
  ;; include describe
  (func (export "quarterdeck:policy/decider@0.1.0#decide") (param i32) (result i32)
    (local $i i32)
    (i64.store (i32.const 256) (call $u64))
    (i64.store (i32.const 264) (call $insecure))
    (call $seed (i32.const 272))
    ;; Each byte becomes one of sixteen letters, so that it is a text.
    (loop $more
      (i32.store8 (i32.add (i32.const 256) (local.get $i))
        (i32.add (i32.const 97) (i32.and (i32.const 15) (i32.load8_u (i32.add (i32.const 256) (local.get $i))))))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $more (i32.lt_u (local.get $i) (i32.const 32))))
    (i32.store8 (i32.const 128) (i32.const 1))
    (i32.store (i32.const 136) (i32.const 256))
    (i32.store (i32.const 140) (i32.const 32))
    (i32.const 128)))
