declare module 'virtual:sr-Latn' {
  const catalogue: Record<string, string>
  export default catalogue
}
