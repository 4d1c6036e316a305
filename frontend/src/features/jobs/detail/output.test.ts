// Collecting output, and following it to its end.
import { ApiError } from '@/api/problem'
import type { OutputChunk, OutputPage } from '@/api/types'
import { readOutput } from '@/api/executions'
import { effectScope, nextTick, ref } from 'vue'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { OutputText, SHOWN_MAX_CHARS } from './outputText'
import { useFollow } from './useFollow'
import { useOutput } from './useOutput'

vi.mock('@/api/executions')

const chunk = (offset: number, text: string, stream: OutputChunk['stream'] = 'stdout'): OutputChunk => ({
  offset,
  text,
  stream,
  at: '2026-11-24T08:00:00Z',
})

describe('output text', () => {
  it('joins neighbours of one stream and keeps the order of streams', () => {
    const text = new OutputText()
    text.add([chunk(0, 'a\n'), chunk(2, 'b\n')])
    text.add([chunk(4, 'oops\n', 'stderr'), chunk(9, 'c\n')])
    expect(text.segments.map(({ stream, text: shown }) => [stream, shown])).toEqual([
      ['stdout', 'a\nb\n'],
      ['stderr', 'oops\n'],
      ['stdout', 'c\n'],
    ])
  })

  it('says where something was not kept', () => {
    const text = new OutputText()
    text.add([chunk(0, 'é\n'), chunk(3 + 2048, 'end')])
    expect(text.segments.map((segment) => segment.text)).toEqual(['é\n', '… 2 KiB were not kept …\n', 'end'])
  })

  it('takes no gap from bytes that were not UTF-8', () => {
    const text = new OutputText()
    text.add([chunk(0, '\uFFFD'), chunk(1, 'x')])
    expect(text.segments).toHaveLength(1)
  })

  it('reads commands for a terminal by stream, also across chunks', () => {
    const text = new OutputText()
    text.add([chunk(0, 'a\x1b[3'), chunk(4, 'oops\n', 'stderr'), chunk(9, '1mb\x1b[0m')])
    expect(text.segments.map((segment) => segment.text)).toEqual(['a', 'oops\n', 'b'])
  })

  it('lets the oldest go when there is too much', () => {
    const text = new OutputText()
    const block = 'x'.repeat(SHOWN_MAX_CHARS / 4)
    text.add(Array.from({ length: 6 }, (_, index) => chunk(index * block.length, block)))
    expect(text.segments).toHaveLength(4)
    expect(text.droppedChars).toBe(2 * block.length)
  })
})

describe('following output', () => {
  const page = (fields: Partial<OutputPage>): OutputPage => ({
    chunks: [],
    next_offset: 0,
    total_bytes: 0,
    complete: false,
    ...fields,
  })

  beforeEach(() => {
    vi.useFakeTimers()
    vi.mocked(readOutput).mockReset()
  })
  afterEach(() => vi.useRealTimers())

  it('asks from where it is until the output is complete', async () => {
    vi.mocked(readOutput)
      .mockResolvedValueOnce(page({ chunks: [chunk(0, 'one\n')], next_offset: 4, total_bytes: 4 }))
      .mockResolvedValueOnce(page({ next_offset: 4, total_bytes: 4 }))
      .mockResolvedValueOnce(page({ chunks: [chunk(4, 'two\n')], next_offset: 8, total_bytes: 8, complete: true }))
    const scope = effectScope()
    const output = scope.run(() => useOutput(ref('e1')))!
    await vi.advanceTimersByTimeAsync(1_000)
    expect(vi.mocked(readOutput).mock.calls.map((call) => call.slice(0, 3))).toEqual([
      ['e1', 0, 20],
      ['e1', 4, 20],
      ['e1', 4, 20],
    ])
    expect(output.segments.map((segment) => segment.text).join('')).toBe('one\ntwo\n')
    expect(output).toMatchObject({ complete: true, totalBytes: 8, error: null })
    scope.stop()
  })

  it('tries again when the server is away, and gives up when it refuses', async () => {
    vi.mocked(readOutput)
      .mockRejectedValueOnce(new ApiError(0, 'unreachable', 'No answer', 'No answer'))
      .mockRejectedValueOnce(new ApiError(404, 'not_found', 'Gone', 'Gone'))
    const scope = effectScope()
    const output = scope.run(() => useOutput(ref('e1')))!
    await vi.advanceTimersByTimeAsync(0)
    expect(output.error?.status).toBe(0)
    await vi.advanceTimersByTimeAsync(60_000)
    expect(output.error?.status).toBe(404)
    expect(readOutput).toHaveBeenCalledTimes(2)
    scope.stop()
  })

  it('begins anew with another execution, and stops with its owner', async () => {
    vi.mocked(readOutput).mockImplementation((id) => Promise.resolve(page({ chunks: [chunk(0, id)], complete: true })))
    const id = ref('e1')
    const scope = effectScope()
    const output = scope.run(() => useOutput(id))!
    await vi.advanceTimersByTimeAsync(0)
    id.value = 'e2'
    await vi.advanceTimersByTimeAsync(0)
    expect(output.segments.map((segment) => segment.text)).toEqual(['e2'])
    vi.mocked(readOutput).mockImplementation(() => new Promise(() => undefined))
    id.value = 'e3'
    await nextTick()
    const signal = vi.mocked(readOutput).mock.calls.at(-1)?.[3]
    expect(signal?.aborted).toBe(false)
    scope.stop()
    expect(signal?.aborted).toBe(true)
  })
})

describe('scrolling', () => {
  it('follows the end until the reader scrolls up', async () => {
    const element = document.createElement('div')
    Object.defineProperties(element, { scrollHeight: { value: 1000 }, clientHeight: { value: 100 } })
    const growth = ref(0)
    const follow = useFollow(ref(element), growth)
    growth.value += 1
    await nextTick()
    await nextTick()
    expect(element.scrollTop).toBe(1000)
    element.scrollTop = 300
    follow.onScroll()
    expect(follow.following.value).toBe(false)
    growth.value += 1
    await nextTick()
    await nextTick()
    expect(element.scrollTop).toBe(300)
    follow.toEnd()
    expect(follow.following.value).toBe(true)
    element.scrollTop = 890
    follow.onScroll()
    expect(follow.following.value).toBe(true)
  })
})
