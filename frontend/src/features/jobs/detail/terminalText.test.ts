// What a page shows of output that was meant for a terminal.
import { describe, expect, it } from 'vitest'
import { TerminalText } from './terminalText'

const shown = (...pieces: string[]) => {
  const terminal = new TerminalText()
  return pieces.map((piece) => terminal.read(piece)).join('')
}

describe('terminal output', () => {
  it.each([
    ['colours', '\x1b[31mred\x1b[0m \x1b[38;5;4;1mbold\x1b[m', 'red bold'],
    ['cursor movements', '\x1b[2K\x1b[1Gdone\x1b[?25h', 'done'],
    ['titles', '\x1b]0;title\x07a\x1b]2;title\x1b\\b', 'ab'],
    ['links, but not their text', '\x1b]8;;http://a.test/\x1b\\text\x1b]8;;\x1b\\', 'text'],
    ['character sets', '\x1b(Ba\x1b7\x1bMb', 'ab'],
  ])('is without %s', (_what, text, expected) => {
    expect(shown(text)).toBe(expected)
    expect(shown(...Array.from(text))).toBe(expected)
  })

  it.each([
    ['a\r\nb\r\r\nc', 'a\nb\nc'],
    ['1 %\r2 %\r\n', '1 %\n2 %\n'],
    ['tab\tstays', 'tab\tstays'],
  ])('keeps every state of a line: %j', (text, expected) => {
    expect(shown(text)).toBe(expected)
    expect(shown(...Array.from(text), '')).toBe(expected)
  })

  it('shows other control characters, and commands that never end', () => {
    expect(shown('\0\x07\b\x7f\x9b')).toBe('␀␇␈␡\uFFFD')
    expect(shown('\x1b]0;no end\nnext')).toBe('␛]0;no end\nnext')
    expect(shown(`\x1b[${'1'.repeat(2_000)}`)).toBe(`␛[${'1'.repeat(2_000)}`)
  })

  it('reads what looks like commands without end in no time', () => {
    for (const text of ['\r', '\x1b', '\x1b[', '\x1b]0;', '\x1b[1']) {
      const startedAt = performance.now()
      shown(text.repeat(200_000))
      expect(performance.now() - startedAt).toBeLessThan(2_000)
    }
  })

  it('keeps characters outside of the basic plane whole', () => {
    expect(shown('🦀 日本 é')).toBe('🦀 日本 é')
  })
})
