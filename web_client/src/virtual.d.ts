declare module 'virtual:texts' {
  type Load = () => Promise<{ default: Record<string, string> }>
  const loaders: Record<string, Record<import('./i18n/index.svelte').Part, Load>>
  export default loaders
}
