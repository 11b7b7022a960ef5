declare module 'virtual:texts' {
  type Load = () => Promise<{ default: Record<string, string> }>
  const loaders: Record<string, Record<'core' | 'desk', Load>>
  export default loaders
}
declare module 'virtual:texts-areas' {
  type Load = () => Promise<{ default: Record<string, string> }>
  const loaders: Record<string, Record<Exclude<import('./i18n/index.svelte').Part, 'core' | 'desk'>, Load>>
  export default loaders
}
