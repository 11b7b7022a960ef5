/** Our faces, fetched after the first picture and never on the call page: the system face is shown until they are here. */
let asked = false

export function loadFonts(): void {
  if (asked) return
  asked = true
  void import('./fonts.css')
}
