declare module 'virtual:texts' {
  type Part = () => Promise<{ default: Record<string, string> }>
  const loaders: Record<string, { core: Part; desk: Part }>
  export default loaders
}
