// Output as a page can show it: without the commands that are meant for a terminal, and with every other
// control character made visible.

const ESC = String.fromCharCode(0x1b)
const BEL = String.fromCharCode(0x07)
const LAST_C0 = 0x1f
const DELETE = 0x7f
const LAST_C1 = 0x9f
/** Where Unicode has pictures of the control characters. */
const PICTURES = 0x2400
const PICTURE_OF_DELETE = 0x2421
/** A command that is not over by then is none. */
const PENDING_MAX_CHARS = 1_024

const STRING_END = `(?:${BEL}|${ESC}\\\\)`
/** Colours and cursor movements; titles and links; character sets and the rest. */
const COMMANDS = new RegExp(
  `${ESC}(?:\\[[0-?]*[ -/]*[@-~]|[\\]PX^_][^${BEL}${ESC}\\n]*${STRING_END}|[ -/]+[0-~]|[0-OQ-WYZ\\\\\`-~])`,
  'g',
)
/** A command, or an end of line, of which the rest may still come. */
const BEGUN = new RegExp(`(?:${ESC}(?:\\[[0-?]*[ -/]*|[\\]PX^_][^${BEL}${ESC}\\n]*${ESC}?|[ -/]*)|\\r{1,2})$`)

/** Reads one stream, whose pieces may end within a command. */
export class TerminalText {
  #pending = ''

  /** What is to be shown of the next piece. */
  read(piece: string): string {
    const text = this.#pending + piece
    const begun = BEGUN.exec(text.slice(-PENDING_MAX_CHARS))
    const end = text.length - (begun?.[0].length ?? 0)
    this.#pending = text.slice(end)
    // A line that is written anew is a line of its own: what it said before stays.
    return visible(text.slice(0, end).replace(COMMANDS, '').replace(/\r{0,2}\n|\r/g, '\n'))
  }
}

function visible(text: string): string {
  return Array.from(text, picture).join('')
}

function picture(character: string): string {
  const code = character.charCodeAt(0)
  if (code > LAST_C1 || character === '\n' || character === '\t') return character
  if (code <= LAST_C0) return String.fromCharCode(PICTURES + code)
  if (code === DELETE) return String.fromCharCode(PICTURE_OF_DELETE)
  return code > DELETE ? '\uFFFD' : character
}
