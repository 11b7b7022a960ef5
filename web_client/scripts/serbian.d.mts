export function toLatin(text: string): string
export function latinCatalogue(catalogue: Record<string, string>): Record<string, string>
