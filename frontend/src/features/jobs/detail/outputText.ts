// Output as segments to show: neighbours of one stream are joined, gaps are said, the oldest is let go.
import type { OutputChunk, OutputStream } from '@/api/types'
import { bytes } from '@/lib/bytes'
import { TerminalText } from './terminalText'

export interface Segment {
  key: number
  stream: OutputStream | 'gap'
  text: string
}

/** A segment that is longer is not added to, so that the page redraws little. */
const SEGMENT_MAX_CHARS = 16_384
/** What a browser shows without effort; more is let go from the front. */
export const SHOWN_MAX_CHARS = 2_000_000

const encoder = new TextEncoder()

/** Collects the output of one execution. */
export class OutputText {
  readonly segments: Segment[] = []
  droppedChars = 0
  readonly #streams = new Map<OutputStream, TerminalText>()
  #nextKey = 0
  #nextOffset = 0
  #chars = 0

  add(chunks: readonly OutputChunk[]): void {
    for (const chunk of chunks) {
      // Bytes that were not UTF-8 have become longer, so that only a real gap can lie ahead.
      const missing = chunk.offset - this.#nextOffset
      if (missing > 0) this.#push('gap', `… ${bytes(missing)} were not kept …\n`)
      this.#append(chunk.stream, this.#shown(chunk))
      this.#nextOffset = chunk.offset + encoder.encode(chunk.text).length
    }
    this.#letGo()
  }

  #shown({ stream, text }: OutputChunk): string {
    const terminal = this.#streams.get(stream) ?? new TerminalText()
    this.#streams.set(stream, terminal)
    return terminal.read(text)
  }

  #append(stream: OutputStream, text: string): void {
    if (text === '') return
    const last = this.segments.at(-1)
    if (last?.stream === stream && last.text.length + text.length <= SEGMENT_MAX_CHARS) {
      last.text += text
      this.#chars += text.length
      return
    }
    this.#push(stream, text)
  }

  #push(stream: Segment['stream'], text: string): void {
    this.segments.push({ key: this.#nextKey++, stream, text })
    this.#chars += text.length
  }

  #letGo(): void {
    while (this.#chars > SHOWN_MAX_CHARS && this.segments.length > 1) {
      const dropped = this.segments.shift()?.text.length ?? 0
      this.#chars -= dropped
      this.droppedChars += dropped
    }
  }
}
